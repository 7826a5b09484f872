//! Effects that set a value: an owner, a status, cells of the Sheet.
//!
//! A value can be looked at, so it is looked at first: what already is as wanted is left alone, without an intent. What
//! Regatta has to set goes through the ledger, with the value seen as the mark; an intent that a crash left without a
//! handle is settled by looking at the value again. Within one attempt at a task a value is set once: whoever changes it
//! back afterwards meant it, and is told of but not fought. The next attempt sets it anew.

use regatta_statebox::event::EffectKey;

use crate::effects::{Effects, Stopped, Triggerable};

/// What a look at the value found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    AsWanted,
    Otherwise,
}

impl Seen {
    /// As wanted when both are the same.
    pub(crate) fn same<T: PartialEq + ?Sized>(found: &T, wanted: &T) -> Self {
        if found == wanted { Self::AsWanted } else { Self::Otherwise }
    }
}

/// How a value stands after it was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It was as wanted by somebody else's doing.
    Already,
    /// Regatta set it in this attempt, and so it stands.
    Made,
    /// Regatta set it in this attempt, and somebody has changed it since. It is left so.
    ChangedBack,
}

/// Brings a value to what is wanted, once an attempt.
pub(crate) async fn settle(
    effects: &dyn Effects,
    key: EffectKey,
    seen: Seen,
    remote: &dyn Triggerable,
) -> Result<Settled, Stopped> {
    match (effects.made(&key), seen) {
        (Some(_), Seen::AsWanted) => Ok(Settled::Made),
        (Some(_), Seen::Otherwise) => Ok(Settled::ChangedBack),
        (None, Seen::AsWanted) if effects.intended(&key).is_none() => Ok(Settled::Already),
        // What an interrupted run announced and made is adopted by the ledger.
        (None, _) => effects.once(key, remote).await.map(|_| Settled::Made),
    }
}
