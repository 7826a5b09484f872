//! What a task is given: no more than it needs.

use jiff::Timestamp;
use regatta_kit::Release;
use regatta_statebox::document::Metadata;

use crate::effects::Effects;
use crate::settings::TaskSettings;

/// The narrow view of the engine that a task works in.
pub struct Context<'a> {
    /// The release driven.
    pub release: Release,
    /// Its metadata, as last refreshed.
    pub metadata: &'a Metadata,
    /// Which attempt at the task this is, from 1.
    pub attempt: u32,
    /// The present instant.
    pub now: Timestamp,
    /// The owner's e-mail where one is known: flag, state, or configured default, in this order.
    pub owner: Option<&'a str>,
    /// The remote systems.
    pub services: &'a regatta_services::Services,
    /// What the team set.
    pub settings: &'a TaskSettings,
    /// The ledger.
    pub effects: &'a dyn Effects,
}
