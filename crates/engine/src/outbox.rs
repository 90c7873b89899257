//! Messages on their way to another queue: dead letters, and what a move task moves.
//!
//! The queues may live in different shards, so a move takes three commits, each of which can be repeated (design §1):
//! the sender puts the message into its outbox under a number; the receiver takes it in and remembers the number; the
//! sender removes it. Numbers of one sender rise and arrive in order, so the receiver keeps only the last one.

use crate::partition::{Output, Partition};
use crate::{
    Arrival, ArrivalKind, Change, Departure, Destination, History, LogEntry, NewMessage, Policy,
    QueueAddress, Reply, Sequence,
};

impl Partition {
    /// Where a message goes that was received too often (contract §4.11). The receives are those in this queue.
    pub(crate) fn dead_letter_queue(&self, history: History) -> Option<Destination> {
        let policy = self.config.dead_letters?;
        let is_dead = history.receives_here() >= policy.receives_max;
        is_dead.then_some(Destination::DeadLetters(policy.queue))
    }

    /// Puts a message that was taken out of where it waited into the outbox.
    pub(crate) fn send_away(&mut self, now_ms: u64, departure: Departure, out: &mut Output) {
        let number = self.state.last_sequence.next(now_ms);
        self.commit(Change::Departed(number, departure), now_ms, out);
    }

    /// The first messages in the outbox.
    pub(crate) fn outbox(&self, count_max: usize) -> Vec<(Sequence, Departure)> {
        let first = self.state.outbox.first.iter().take(count_max);
        first.map(|(number, departure)| (*number, *departure)).collect()
    }

    /// Removes messages that arrived.
    pub(crate) fn delivered(
        &mut self,
        now_ms: u64,
        numbers: &[Sequence],
        out: &mut Output,
    ) -> Reply {
        for number in numbers {
            if let Some(departure) = self.state.outbox.first.get(number) {
                let sequence = departure.sequence;
                self.commit(Change::Delivered(*number, sequence), now_ms, out);
            }
        }
        Reply::OutboxChanged
    }

    /// Puts messages back to their old places.
    pub(crate) fn bring_back(
        &mut self,
        now_ms: u64,
        numbers: &[Sequence],
        out: &mut Output,
    ) -> Reply {
        // The last one first: each goes before the head of its tenant's log.
        for number in numbers.iter().rev() {
            let Some(departure) = self.state.outbox.first.get(number).copied() else { continue };
            let Departure { sequence, group, history, .. } = departure;
            self.commit(Change::Returned(*number), now_ms, out);
            let position = self.old_place(group, sequence);
            self.put_back(now_ms, group, LogEntry { position, sequence, history }, out);
        }
        Reply::OutboxChanged
    }

    /// Takes in a message from another queue, unless it did arrive before.
    pub(crate) fn arrive(
        &mut self,
        now_ms: u64,
        from: QueueAddress,
        arrival: Arrival,
        out: &mut Output,
    ) -> Option<Sequence> {
        let Arrival { number, group, kind } = arrival;
        if self.state.last_arrival(from).is_some_and(|last| number <= last) {
            return None;
        }
        self.commit(Change::Arrived(from, number), now_ms, out);
        let history = match kind {
            ArrivalKind::New { delay_ms } => {
                let new = NewMessage { group, delay_ms, deduplication: None };
                return Some(self.add(now_ms, new, out));
            }
            ArrivalKind::DeadLetter(history) => history,
        };
        let sequence = self.state.last_sequence.next(now_ms);
        let enqueued_at_ms = match self.config.policy {
            Policy::Standard { .. } => history.enqueued_at_ms,
            // Contract §4.1.
            Policy::Fifo { .. } => now_ms,
        };
        let receives_elsewhere = history.receive_count;
        let history = History { enqueued_at_ms, receives_elsewhere, ..history };
        let entry = LogEntry { position: sequence, sequence, history };
        self.commit(Change::Logged(group, entry), now_ms, out);
        self.line_up(now_ms, group, out);
        Some(sequence)
    }
}
