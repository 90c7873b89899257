//! What time brings about: keys are deleted with their material, and get new material.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::KeyError;
use super::handle::Keys;
use super::key::{Key, KeyState, Rotation};
use super::material::MaterialOrigin;
use super::snapshot::Draft;
use crate::clock::Clock;

impl Keys {
    /// Deletes and rotates the keys whose time has come, whenever so much time has passed, until the end. Everything is due
    /// days after it was asked for, and the clock may be set in between: a deadline would have to be looked at as often.
    pub(crate) async fn keep_up(
        self,
        clock: std::sync::Arc<dyn Clock>,
        interval: Duration,
        end: CancellationToken,
    ) {
        loop {
            // Where the store failed it is logged, and nothing can be done about keys.
            let _changed = self.catch_up(clock.now_ms()).await;
            if end.run_until_cancelled(tokio::time::sleep(interval)).await.is_none() {
                return;
            }
        }
    }

    /// Deletes and rotates the keys whose time has come.
    pub(super) async fn catch_up(&self, now_ms: u64) -> Result<(), KeyError> {
        if !self.snapshot().keys().any(|key| is_due(key, now_ms)) {
            return Ok(());
        }
        let keys = self.clone();
        let decide = move |draft: &mut Draft, now_ms| {
            let due = draft.snapshot().keys().filter(|key| is_due(key, now_ms));
            let due: Vec<_> = due.cloned().collect();
            for key in due {
                if key.is_gone(now_ms) {
                    draft.remove_key(&key);
                } else if let Ok(rotated) = rotated(&keys, &key, now_ms) {
                    draft.put_key(rotated);
                }
                // Without a master key it keeps its material; others are not to wait for that.
            }
            Ok::<_, KeyError>(())
        };
        self.change(decide).await
    }
}

fn is_due(key: &Key, now_ms: u64) -> bool {
    match key.state {
        KeyState::PendingDeletion { .. } => key.is_gone(now_ms),
        // A disabled key rotates as soon as it is enabled.
        KeyState::Disabled => false,
        KeyState::Enabled => key.rotation.is_some_and(|rotation| rotation.next_at_ms <= now_ms),
    }
}

fn rotated(keys: &Keys, key: &Key, now_ms: u64) -> Result<Key, KeyError> {
    let mut key = key.clone();
    keys.rotate(&mut key, MaterialOrigin::Automatic, now_ms)?;
    key.rotation = key.rotation.map(|it| Rotation::every(it.period_days, now_ms));
    Ok(key)
}
