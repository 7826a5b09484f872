//! The effect ledger: intent, look, trigger, handle.
//!
//! Before an effect is made, the remote's high-water mark is written down together with the intent; afterwards the handle.
//! Whoever finds an intent without a handle looks at the remote above the mark and adopts what is there. So a crash or a
//! lost answer at any boundary ends in exactly one effect.

use regatta_kit::{BoxFuture, Status, Task};
use regatta_statebox::event::{Body, EffectKey, Handle, Message};
use regatta_tasks::effects::{Effects, Stopped, Triggerable};

use crate::lease;
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
        let now = self.session.now();
        self.session
            .read(|folded| lease::take(folded, self.holder(), now))
            .into_iter()
            .map(Into::into)
            .collect()
    }

    fn holder(&self) -> &str {
        &self.session.app.identity.holder
    }

    /// Nobody wrote between the look and the intent, and nobody else holds the release.
    fn still_alone(&self) -> Result<(), Stopped> {
        let now = self.session.now();
        let mine = self.session.read(|folded| lease::is_mine(folded, self.holder(), now));
        if mine && !self.session.moved_under() { Ok(()) } else { Err(Stopped::Moved) }
    }

    async fn write(&self, drafts: Vec<Draft>) -> Result<(), Stopped> {
        self.session.append(drafts).await.map_err(Stopped::Engine)
    }

    /// Makes an effect once; `done` turns its handle into what is written down together with it.
    pub(crate) async fn make(
        &self,
        key: EffectKey,
        remote: &dyn Triggerable,
        done: impl Fn(&Handle) -> Option<Body>,
    ) -> Result<Handle, Stopped> {
        let written = |handle: &Handle| {
            let triggered = Body::Triggered { key: key.clone(), handle: handle.clone() };
            [Some(triggered), done(handle)].into_iter().flatten().map(Draft::from).collect()
        };
        if let Some(handle) = self.made(&key) {
            return Ok(handle);
        }
        let intended = self.session.read(|folded| folded.intents.get(&key).map(|i| i.mark.clone()));
        if let Some(mark) = &intended {
            // The lease is this driver's before it touches what another left open.
            self.write(self.lease()).await?;
            self.still_alone()?;
            // An earlier run was cut off between intent and handle: what it did is above the mark, if it did anything.
            if let Some(handle) = remote.find(mark).await? {
                tracing::info!(%key, handle = %handle.id, "adopted what an interrupted run had begun");
                self.write(written(&handle)).await?;
                return Ok(handle);
            }
        } else {
            let mark = remote.mark().await?;
            let mut drafts: Vec<Draft> = self.begin().into_iter().collect();
            drafts.extend(self.lease());
            drafts.push(Body::Intended { key: key.clone(), mark }.into());
            self.write(drafts).await?;
            self.still_alone()?;
        }
        let handle = remote.trigger().await?;
        self.write(written(&handle)).await?;
        Ok(handle)
    }
}

impl Effects for Ledger<'_> {
    fn made(&self, key: &EffectKey) -> Option<Handle> {
        self.session.read(|folded| folded.handles.get(key).cloned())
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
