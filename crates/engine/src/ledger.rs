//! The effect ledger: intent, look, trigger, handle.
//!
//! Before an effect is made, the remote's high-water mark is written down together with the intent; afterwards the handle.
//! Whoever finds an intent without a handle looks at the remote above the mark and adopts what is there. So a crash or a
//! lost answer at any boundary ends in exactly one effect. What comes next at each point is decided by [`crate::rules`];
//! here it is carried out.
//!
//! A trigger that fails for the moment is left with its intent open, and nothing is tried again in the same run: the remote
//! may have done it, which the next run sees when it looks.

use regatta_kit::{BoxFuture, Status, Task, Timestamp};
use regatta_statebox::event::{Body, EffectKey, Handle, Mark, Message};
use regatta_tasks::effects::{Effects, Stopped, Triggerable};

use crate::facts::assemble;
use crate::lease;
use crate::lookbook::LookBook;
use crate::rules::{self, Afterwards, Gate, Next, Progress, Record, Seen};
use crate::session::{Draft, Session};

/// The ledger as one run of a task sees it.
pub(crate) struct Ledger<'a> {
    pub(crate) session: &'a Session<'a>,
    /// The task that runs; `None` for the outbox.
    pub(crate) task: Option<Task>,
}

impl Ledger<'_> {
    /// The entry that brings the task under way, when its first effect is about to be made.
    fn begin(&self) -> Option<Draft> {
        let task = self.task?;
        self.session.read(|folded| {
            let state = &folded.tasks[task];
            (state.status == Status::NotStarted).then(|| {
                Body::TaskMoved {
                    task,
                    from: Status::NotStarted,
                    to: Status::InProgress,
                    attempt: state.attempt,
                    evidence: None,
                    result: None,
                }
                .into()
            })
        })
    }

    fn lease(&self) -> Vec<Draft> {
        let (now, stamp) = (self.session.now(), self.session.stamp());
        self.session
            .read(|folded| lease::take(folded, self.holder(), now, stamp))
            .into_iter()
            .map(Into::into)
            .collect()
    }

    fn holder(&self) -> &str {
        &self.session.app.identity.holder
    }

    async fn write(&self, drafts: Vec<Draft>) -> Result<(), Stopped> {
        self.session.append(drafts).await.map_err(Stopped::Engine)
    }

    /// What this driver, in a run since `entered`, sees of an effect now; the clock is read for it.
    fn see(&self, key: &EffectKey, progress: Progress, entered: Timestamp) -> Seen {
        let now = self.session.now();
        let base = self.session.base();
        let (record, claim, begins) = self.session.read(|folded| {
            let intent = folded.intents.get(key);
            let record = match (folded.handles.contains_key(key), intent) {
                (true, _) => Record::Made,
                (false, Some(intent)) if progress == Progress::Announced => {
                    Record::Open { last: intent.last }
                }
                (false, Some(intent)) => Record::Open { last: intent.last.min(entered) },
                (false, None) => Record::Fresh,
            };
            let begins = intent.is_some_and(|intent| intent.begins.is_some() && intent.begins == self.task);
            (record, lease::claim(folded, self.holder(), now), begins)
        });
        // Only what would be triggered next has to be asked for.
        let found_nothing = matches!(progress, Progress::FoundNothing { .. });
        let gate = if begins && found_nothing { self.gate() } else { Gate::Open };
        Seen { record, claim, base, gate, progress, now }
    }

    fn gate(&self) -> Gate {
        let Some(task) = self.task else { return Gate::Open };
        let (session, settings) = (self.session, &self.session.app.settings);
        let facts = session.read(|folded| {
            let (policy, arch, book) = (settings.policy, settings.tasks.arch, LookBook::default());
            assemble(session.release, folded, &book, policy, arch, session.now())
        });
        rules::gate(&facts, task)
    }

    /// Makes an effect once; `done` turns its handle into what is written down together with it.
    pub(crate) async fn make(
        &self,
        key: EffectKey,
        remote: &dyn Triggerable,
        done: impl Fn(&Handle) -> Option<Body>,
    ) -> Result<Handle, Stopped> {
        let entered = self.session.now();
        let mut progress = Progress::default();
        let handle = loop {
            match rules::next(&self.see(&key, progress, entered)) {
                Next::Return => return self.made(&key).ok_or(Stopped::Moved),
                Next::StepBack => return Err(Stopped::Moved),
                Next::Hold => {
                    self.write(self.lease()).await?;
                    progress = Progress::Claimed;
                }
                // An earlier run was cut off between intent and handle: what it did is above the mark, if it did anything.
                Next::Look => {
                    let asked = self.session.now();
                    match remote.find(&self.mark(&key)?).await? {
                        Some(handle) => {
                            tracing::info!(%key, handle = %handle.id, "adopted what an interrupted run had begun");
                            break handle;
                        }
                        None => progress = Progress::FoundNothing { asked },
                    }
                }
                Next::Wait(until) => {
                    self.session.app.clock.sleep_until(until).await;
                    progress = Progress::Begun;
                }
                Next::Withhold => {
                    self.session.withhold(format!(
                        "{key} was announced and cut off before it was made; since then the release was stopped, a \
                         blocker came, or a task it needs was put back; it is made when that is settled"
                    ));
                    return Err(Stopped::Moved);
                }
                Next::MarkAndAnnounce => {
                    let mark = remote.mark().await?;
                    let mut drafts: Vec<Draft> = self.begin().into_iter().collect();
                    drafts.extend(self.lease());
                    drafts.push(Body::Intended { key: key.clone(), mark }.into());
                    self.write(drafts).await?;
                    progress = Progress::Announced;
                }
                Next::Announce => {
                    let mark = self.mark(&key)?;
                    let mut drafts = self.lease();
                    drafts.push(Body::Intended { key: key.clone(), mark }.into());
                    self.write(drafts).await?;
                    progress = Progress::Announced;
                }
                Next::Trigger => break self.trigger(&key, remote).await?,
            }
        };
        let triggered = Body::Triggered { key, handle: handle.clone() };
        self.write([Some(triggered), done(&handle)].into_iter().flatten().map(Draft::from).collect()).await?;
        Ok(handle)
    }

    async fn trigger(&self, key: &EffectKey, remote: &dyn Triggerable) -> Result<Handle, Stopped> {
        let error = match remote.trigger().await {
            Ok(handle) => return Ok(handle),
            Err(error) => error,
        };
        match rules::afterwards(error.class()) {
            Afterwards::LeaveOpen => Err(error.into()),
            Afterwards::LookOnce => {
                let found = remote.find(&self.mark(key)?).await?;
                if let Some(handle) = &found {
                    tracing::info!(%key, handle = %handle.id, %error, "it was there in spite of the refusal");
                }
                found.ok_or_else(|| error.into())
            }
        }
    }

    /// The mark of an announced effect; gone only where somebody put old content back under this driver.
    fn mark(&self, key: &EffectKey) -> Result<Mark, Stopped> {
        self.intended(key).ok_or(Stopped::Moved)
    }
}

impl Effects for Ledger<'_> {
    fn made(&self, key: &EffectKey) -> Option<Handle> {
        self.session.read(|folded| folded.handles.get(key).cloned())
    }

    fn intended(&self, key: &EffectKey) -> Option<Mark> {
        self.session.read(|folded| folded.intents.get(key).map(|intent| intent.mark.clone()))
    }

    fn once<'a>(
        &'a self,
        key: EffectKey,
        remote: &'a dyn Triggerable,
    ) -> BoxFuture<'a, Result<Handle, Stopped>> {
        Box::pin(self.make(key, remote, |_| None))
    }

    fn follow<'a>(&'a self, key: EffectKey, handle: Handle) -> BoxFuture<'a, Result<(), Stopped>> {
        Box::pin(async move {
            if self.made(&key).as_ref() == Some(&handle) {
                return Ok(());
            }
            self.write(vec![Body::Triggered { key, handle }.into()]).await
        })
    }

    fn tell(&self, message: Message) {
        self.session.tell(message);
    }
}
