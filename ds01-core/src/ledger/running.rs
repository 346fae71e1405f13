//! The ledger's sums as they grow: each scan adds what its look found, and reads nothing again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    accounts::{Accounts, Known},
    piece::Piece,
};
use crate::{
    idle::{
        Look,
        journal::{Record, lives_of_all},
        state::Track,
    },
    model::{ContainerId, GpuTime, IdleTime},
    policy::Policy,
};

/// Sums of GPU time, by the rules of the ledger, that go on from scan to scan.
///
/// The ledger adds up days from the journal. What grows by a look is the same pieces, made from that look alone and from what was
/// known at the one before, which is handed on as a file of the boot. So neither a roll-up nor the end of what the journal keeps,
/// nor a clock that is set, changes what was counted: every piece is a span of the boot clock, and is handed over once. A check of the
/// reaper between two scans adds nothing, as the scan after it speaks of the same time. What a scan that is killed had found is
/// not counted.
pub struct Running<'p> {
    accounts: Accounts<'p>,
    is_new: bool,
}

#[derive(Serialize, Deserialize)]
struct File {
    boot_id: String,
    known: Known,
}

impl<'p> Running<'p> {
    /// Goes on with what [`to_json`](Self::to_json) wrote in this boot. With nothing, or with what is of no use, it begins anew:
    /// what is held now is counted from the look before on, as far as that is known.
    pub fn recall(bytes: Option<&[u8]>, boot_id: &str, policy: &'p Policy) -> Self {
        let file = bytes.and_then(|bytes| serde_json::from_slice::<File>(bytes).ok());
        match file.filter(|file| file.boot_id == boot_id) {
            Some(file) => Self { accounts: Accounts::recall(file.known, policy), is_new: false },
            None => Self { accounts: Accounts::new(policy), is_new: true },
        }
    }

    /// What it knows, for the next scan.
    ///
    /// # Errors
    ///
    /// None that plain data of these types can cause; the signature is the serialiser's.
    pub fn to_json(self, boot_id: &str) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&File { boot_id: boot_id.to_owned(), known: self.accounts.remember() })
    }

    /// Takes in a look: what it adds, by user. `None` is whom no signal names.
    pub fn add(&mut self, look: &Look) -> BTreeMap<Option<String>, GpuTime> {
        let mut added: BTreeMap<Option<String>, GpuTime> = BTreeMap::new();
        let mut each = |piece: &Piece<'_>| {
            let time = GpuTime { held_ms: piece.spent.held_ms(), work_ms: piece.spent.work_ms };
            match added.get_mut(&piece.who.user) {
                Some(sum) => sum.add(time),
                None => drop(added.insert(piece.who.user.clone(), time)),
            }
        };
        let lives =
            if self.is_new { lives_of_all(&look.inventory, &look.containers, &look.now) } else { look.lives.clone() };
        self.is_new = false;
        let records = lives.into_iter().map(Record::Life).chain(look.gone.clone().map(Record::Gone));
        records.for_each(|record| self.accounts.take(&record, &mut each));
        let seen = look.observations.iter().cloned().map(Record::Seen);
        let seen = seen.chain(look.processes.iter().cloned().map(Record::Process));
        seen.for_each(|record| self.accounts.take(&record, &mut each));
        self.accounts.finish(&mut each);
        // A look speaks of nobody who is gone, and where containers come and go, they would be many. Whoever could not be listed
        // is there as he was.
        self.accounts.forget_all_but(&look.inventory.containers.values().map(|entry| &entry.full_id).collect());
        // A look that saw nobody is one at which all have ended, unless it was blind.
        if look.blind().is_none() {
            self.accounts.forget_ended_processes(look.now.boot_ms);
        }
        added
    }

    /// How long each running GPU container was observed to be idle.
    pub fn idle(&self) -> BTreeMap<ContainerId, IdleTime> {
        let of = |track: &Track| IdleTime { idle_ms: track.idle_ms, observed_percent: track.observed_percent() };
        self.accounts.tracks().map(|(id, track)| (id.clone(), of(track))).collect()
    }
}
