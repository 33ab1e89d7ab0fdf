//! The power is cut: what was written and not synced is lost, kept, or torn.
//!
//! strace records what a process writes, and when it syncs and says that an event is stored. From that, the disk is built as it would
//! be after a power cut just before a sync has ended, and an outbox is started with it. Two controls show that losses are found.
//!
//! Tries a sample of the syncs; as many as `SOIREE_POWER_CUTS` says, `all` for all of them. Skipped where strace cannot be used, unless
//! `SOIREE_TESTS_MUST_RUN` is set.

mod disk;
mod recording;
mod work;

use std::path::Path;

use fastrand::Rng;

use self::disk::{Disk, Files, Unsynced};
use self::recording::{Step, record};
use self::work::{Harm, Ledger};

pub(crate) use self::work::child;

/// How many syncs are tried.
fn cuts() -> usize {
    match std::env::var("SOIREE_POWER_CUTS") {
        Ok(cuts) if cuts == "all" => usize::MAX,
        Ok(cuts) => cuts
            .parse()
            .expect("SOIREE_POWER_CUTS is a number, or `all`"),
        Err(_) => 16,
    }
}

/// A disk after a power cut.
struct Left {
    files: Files,
    /// What the process had said before.
    ledger: Ledger,
    /// For messages.
    when: String,
}

/// The disks after power cuts at some of the moments at which a sync is about to end, and at the end.
fn cut(steps: &[Step], cuts: usize, kinds: &[Unsynced]) -> Vec<Left> {
    let is_synced = |step: &Step| matches!(step, Step::Synced { .. });
    let mut moments: Vec<usize> = (0..steps.len())
        .filter(|at| is_synced(&steps[*at]))
        .collect();
    let all = moments.len() + 1;
    let seed = fastrand::u64(..);
    let mut random = Rng::with_seed(seed);
    random.shuffle(&mut moments);
    moments.truncate(cuts - 1);
    moments.push(steps.len());
    moments.sort_unstable();
    println!("{} of {all} moments, seed {seed}", moments.len());
    let (mut disk, mut ledger, mut left) = (Disk::default(), Ledger::default(), Vec::new());
    let mut moments = moments.into_iter().peekable();
    for at in 0..=steps.len() {
        if moments.next_if_eq(&at).is_some() {
            left.extend(kinds.iter().map(|unsynced| Left {
                files: disk.cut(*unsynced, &mut random),
                ledger: ledger.clone(),
                when: format!("before step {at}, unsynced writes {unsynced:?}, seed {seed}"),
            }));
        }
        match steps.get(at) {
            Some(Step::Said(said)) => ledger.take(said),
            Some(step) => disk.take(step),
            None => {}
        }
    }
    left
}

impl Left {
    fn write(&self, folder: &Path) {
        for (name, bytes) in &self.files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
    }

    /// Starts an outbox with what was left.
    fn check(&self) -> Result<(), Harm> {
        // In memory, if there is such a file system: nothing waits for a disk there.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.unwrap();
        self.write(folder.path());
        self.ledger.check(folder.path())
    }

    fn fail(&self, harm: &Harm) -> ! {
        let kept = tempfile::tempdir().unwrap().keep();
        self.write(&kept);
        panic!("{}: {harm}; the files are in {}", self.when, kept.display());
    }
}

/// Without a power cut, the disk that is built from a recording is the one that is there.
fn is_complete(steps: &[Step], folder: &Path) {
    let mut disk = Disk::default();
    steps.iter().for_each(|step| disk.take(step));
    let built = disk.cut(Unsynced::Kept, &mut Rng::new());
    let found: Files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect();
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&built), names(&found));
    assert!(built == found, "the recording misses writes");
}

/// D1, D11, D16, D17: a power cut at any moment takes back no event that was accepted or handled and repeats no effect, and the store opens.
#[test]
fn a_power_cut_takes_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let Some(steps) = record(folder.path(), "full", &[]) else {
        return;
    };
    is_complete(&steps, folder.path());
    let left = cut(&steps, cuts(), &Unsynced::ALL);
    for left in &left {
        if let Err(harm) = left.check() {
            left.fail(&harm);
        }
    }
    let accepted = left.last().map_or(0, |left| left.ledger.accepted());
    println!(
        "{} disks, up to {accepted} events accepted, 0 lost",
        left.len()
    );
}

/// D1: the check finds the loss if commits do not wait for the disk.
#[test]
fn commits_that_do_not_wait_for_the_disk_are_caught() {
    let folder = tempfile::tempdir().unwrap();
    let Some(steps) = record(folder.path(), "normal", &[]) else {
        return;
    };
    is_complete(&steps, folder.path());
    let mut caught = 0;
    for left in cut(&steps, usize::MAX, &[Unsynced::Lost]) {
        match left.check() {
            Ok(()) => {}
            Err(Harm::Lost(lost)) => {
                println!("{}: {} events lost", left.when, lost.len());
                caught += 1;
            }
            Err(harm) => left.fail(&harm),
        }
    }
    assert!(caught > 0);
}

/// D1: the check finds the loss if a disk only says that it has synced.
#[test]
fn a_disk_that_lies_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let Some(steps) = record(folder.path(), "full", &["fsync,fdatasync:retval=0"]) else {
        return;
    };
    let mut caught = 0;
    for left in cut(&steps, 6, &[Unsynced::Lost]) {
        match left.check() {
            Ok(()) => {}
            Err(Harm::Lost(lost)) => {
                println!("{}: {} events lost", left.when, lost.len());
                caught += 1;
            }
            Err(Harm::Broken(why)) => println!("{}: {why}", left.when),
        }
    }
    assert!(caught > 0);
}
