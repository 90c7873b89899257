//! Lets replies out when what they tell is on stable storage, on a thread of its own, so that the shard decides meanwhile.
//!
//! While a release waits for the disk, the shard goes on deciding what arrives into its next commit, and writes that when
//! the disk is done. So there is one commit for each sync, however fast requests arrive, and no core waits for the disk.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use sluice_engine::Reply;
use sluice_store::CommitTicket;

use super::error::BrokerError;
use super::health::{Health, Watch};
use super::shard::{ReplySender, ShardRequest};

/// Replies, and the commit that has to be durable before they go out; it stands for those before it.
#[derive(Default)]
pub(super) struct Release {
    pub(super) ticket: Option<CommitTicket>,
    pub(super) replies: Vec<(ReplySender, Reply)>,
}

impl Release {
    pub(super) fn is_empty(&self) -> bool {
        self.ticket.is_none() && self.replies.is_empty()
    }

    /// Waits for the disk, then sends the replies.
    pub(super) fn carry_out(self, health: &Health) {
        let outcome = self.ticket.map_or(Ok(()), CommitTicket::wait);
        if let Err(error) = &outcome {
            health.fail(error);
        }
        for (sender, reply) in self.replies {
            // The client may be gone; nobody else wants the answer.
            drop(sender.send(outcome.as_ref().map(|()| reply).map_err(|_| BrokerError::Stopped)));
        }
    }
}

/// What the two threads know of each other.
#[derive(Default)]
struct Progress {
    /// Releases handed over and not carried out.
    open: AtomicUsize,
    /// Whether the shard sleeps until one is carried out.
    is_awaited: AtomicBool,
}

/// The shard's end.
pub(super) struct Releases {
    sender: SyncSender<Release>,
    progress: Arc<Progress>,
}

/// The end of the thread that waits for the disk.
pub(super) struct Releaser {
    releases: Receiver<Release>,
    progress: Arc<Progress>,
    /// The shard's own mailbox, as long as others can reach it.
    mailbox: Weak<SyncSender<ShardRequest>>,
    health: Health,
    watch: Watch,
}

/// Connects a shard with its releaser.
pub(super) fn releases(
    mailbox: &Arc<SyncSender<ShardRequest>>,
    health: Health,
    watch: Watch,
) -> (Releases, Releaser) {
    // A second one waits for the first, and the shard with it.
    let (sender, releases) = sync_channel(1);
    let progress = Arc::new(Progress::default());
    let mailbox = Arc::downgrade(mailbox);
    let releaser = Releaser { releases, progress: Arc::clone(&progress), mailbox, health, watch };
    (Releases { sender, progress }, releaser)
}

impl Releases {
    /// Whether earlier replies still wait for the disk.
    pub(super) fn is_open(&self) -> bool {
        self.progress.open.load(Ordering::SeqCst) > 0
    }

    /// Asks for [`ShardRequest::Released`] when a release that is open is carried out. Says whether that will come.
    pub(super) fn awaits(&self) -> bool {
        if !self.is_open() {
            return false;
        }
        self.progress.is_awaited.store(true, Ordering::SeqCst);
        // It may have been carried out since.
        self.is_open()
    }

    /// Hands a release over; blocks while two are open.
    pub(super) fn hand_over(&self, release: Release) {
        self.progress.open.fetch_add(1, Ordering::SeqCst);
        // The releaser ends only after the shard; one that panicked drops the replies, which tells who waits for them.
        drop(self.sender.send(release));
    }
}

impl Releaser {
    /// Carries releases out until the shard is gone.
    pub(super) fn run(self) {
        while let Ok(release) = self.releases.recv() {
            self.watch.begin();
            release.carry_out(&self.health);
            self.watch.end();
            self.progress.open.fetch_sub(1, Ordering::SeqCst);
            if self.progress.is_awaited.swap(false, Ordering::SeqCst)
                && let Some(mailbox) = self.mailbox.upgrade()
            {
                // With a full mailbox the shard does not sleep.
                drop(mailbox.try_send(ShardRequest::Released));
            }
        }
    }
}
