//! What a process asks the system to write, recorded by strace.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::child;

/// The files of the database start with it.
const DATABASE: &str = "events.db";
/// The index of the log: memory that is made anew after a restart of the system.
const INDEX: &str = "events.db-shm";

/// All calls that change files or write them back. Those with a question mark do not exist everywhere.
const CALLS: &str = "?open,openat,?creat,pwrite64,?pwritev,?pwritev2,write,?writev,ftruncate,?truncate,?fallocate,?rename,\
    ?renameat,?renameat2,?link,?linkat,?unlink,unlinkat,fsync,fdatasync,?sync_file_range,?syncfs,?sync,?msync";

/// One step of the process, in the order of the calls.
#[derive(Debug)]
pub(crate) enum Step {
    /// The file is in the directory from now on, if it was not there.
    Create(String),
    Remove(String),
    Write {
        file: String,
        offset: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        length: usize,
    },
    /// A thread starts to sync a file; the directory if the name is empty.
    Sync {
        thread: u32,
        file: String,
    },
    /// What the thread has started to sync is on the disk. Or the system only says so.
    Synced {
        thread: u32,
        is_real: bool,
    },
    /// A line for the parent.
    Said(String),
}

/// Runs the process that does the part `part`, with faults that strace makes. `None` if strace cannot be used.
pub(crate) fn record(folder: &Path, part: &str, faults: &[&str]) -> Option<Vec<Step>> {
    if !can_trace() {
        return None;
    }
    let child = child::command("power cut", folder, part);
    let output = folder.join("recording");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-y", "-xx", "-s", "100000000", "-o"])
        .arg(&output)
        .args(["-e", &format!("trace={CALLS}")]);
    for fault in faults {
        strace.args(["-e", &format!("inject={fault}")]);
    }
    strace.arg(child.get_program()).args(child.get_args());
    for (name, value) in child.get_envs() {
        strace.env(name, value.unwrap());
    }
    let ended = strace.stdin(Stdio::null()).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let text = std::fs::read_to_string(&output).unwrap();
    std::fs::remove_file(output).unwrap();
    let folder = folder.canonicalize().unwrap();
    let reader = Reader {
        folder: folder.to_str().unwrap(),
    };
    let steps = text.lines().filter_map(|line| reader.step(line));
    Some(steps.flatten().collect())
}

fn can_trace() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .output();
    let why = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => format!("strace cannot trace: {output:?}"),
        Err(error) if error.kind() == ErrorKind::NotFound => String::from("there is no strace"),
        Err(error) => format!("strace cannot be started: {error}"),
    };
    let must_run = std::env::var_os("SOIREE_TESTS_MUST_RUN").is_some();
    assert!(!must_run, "{why}");
    println!("skipped: {why}");
    false
}

struct Reader<'a> {
    folder: &'a str,
}

impl Reader<'_> {
    /// What a line of the recording says, if it is about the database. A call that takes long has two lines, and changes the file at
    /// the first one.
    fn step(&self, line: &str) -> Option<Vec<Step>> {
        let (thread, call) = line.split_once(' ')?;
        let (thread, call) = (thread.parse().ok()?, call.trim_start());
        let is_real = !call.ends_with("(INJECTED)");
        if let Some(resumed) = call.strip_prefix("<... ") {
            let is_sync = resumed.starts_with("fsync ") || resumed.starts_with("fdatasync ");
            return is_sync.then(|| {
                succeeded(call);
                vec![Step::Synced { thread, is_real }]
            });
        }
        let (name, arguments) = call.split_once('(')?;
        let has_ended = !call.ends_with("<unfinished ...>");
        let fields: Vec<&str> = arguments.split(", ").collect();
        match name {
            "openat" | "open" => {
                let path = fields[usize::from(name == "openat")];
                let flags = fields[usize::from(name == "openat") + 1];
                let file = self.database_file(&decoded(path))?;
                assert!(!flags.contains("O_TRUNC"), "{line}");
                flags.contains("O_CREAT").then(|| vec![Step::Create(file)])
            }
            "unlink" => {
                let file = self.database_file(&decoded(fields[0]))?;
                Some(vec![Step::Remove(file)])
            }
            "write" if fields[0].starts_with("1<") => {
                let text = String::from_utf8(bytes(fields[1])).unwrap();
                let lines = text.lines().filter_map(|line| line.strip_prefix("> "));
                Some(lines.map(|line| Step::Said(line.into())).collect())
            }
            "pwrite64" => {
                let file = self.database_file(&path_of(fields[0])?)?;
                let (bytes, offset) = (bytes(fields[1]), number(fields[3]));
                assert_eq!(bytes.len(), number(fields[2]));
                Some(vec![Step::Write {
                    file,
                    offset,
                    bytes,
                }])
            }
            "ftruncate" => {
                let file = self.database_file(&path_of(fields[0])?)?;
                let length = number(fields[1]);
                Some(vec![Step::Truncate { file, length }])
            }
            "fsync" | "fdatasync" => {
                let path = path_of(fields[0])?;
                let file = match path == self.folder {
                    true => String::new(),
                    false => self.database_file(&path)?,
                };
                let mut steps = vec![Step::Sync { thread, file }];
                if has_ended {
                    succeeded(call);
                    steps.push(Step::Synced { thread, is_real });
                }
                Some(steps)
            }
            // Nothing else changes the database; if it does, the recording does not suffice.
            _ => {
                let paths: Vec<String> = fields.iter().map(|field| decoded(field)).collect();
                let is_ours = |path: &String| path.contains(&format!("{}/{DATABASE}", self.folder));
                let is_ours = paths
                    .iter()
                    .any(|path| is_ours(path) && !path.contains(INDEX));
                assert!(!is_ours, "{name} {paths:?}");
                None
            }
        }
    }

    /// The name of the file in the folder, if it is one of the database.
    fn database_file(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(self.folder)?.strip_prefix('/')?;
        let is_ours = name.starts_with(DATABASE) && name != INDEX && !name.contains(['/', ' ']);
        is_ours.then(|| String::from(name))
    }
}

/// The path of a descriptor that is shown as `3<path>`. `None` if the file was removed.
fn path_of(field: &str) -> Option<String> {
    let (_, path) = field.split_once('<')?;
    let (path, after) = path.split_once('>')?;
    (!after.contains("deleted")).then(|| decoded(path))
}

/// Text in which some bytes are written as `\x41`.
fn decoded(field: &str) -> String {
    let field = field.split(['(', ')']).next().unwrap_or_default();
    let field = field.trim_matches(['"', ' ']);
    match field.starts_with("\\x") {
        true => String::from_utf8_lossy(&bytes(field)).into_owned(),
        false => field.into(),
    }
}

/// The bytes of a string in which every byte is written as `\x41`.
fn bytes(field: &str) -> Vec<u8> {
    let end = field.rfind(|byte: char| byte.is_ascii_hexdigit());
    let text = &field[..end.map_or(0, |end| end + 1)];
    let text = text.strip_prefix('"').unwrap_or(text).as_bytes();
    let byte = |four: &[u8]| {
        assert!(four.starts_with(b"\\x"), "{field:.100}");
        let digits = std::str::from_utf8(&four[2..]).unwrap();
        u8::from_str_radix(digits, 16).unwrap()
    };
    assert!(!field.ends_with("..."), "cut off");
    text.chunks_exact(4).map(byte).collect()
}

fn number(field: &str) -> usize {
    let end = field.find(|digit: char| !digit.is_ascii_digit());
    field[..end.unwrap_or(field.len())].parse().unwrap()
}

fn succeeded(call: &str) {
    let result = call.rsplit_once("= ").map(|(_, result)| result);
    assert!(
        result.is_some_and(|result| result.starts_with('0')),
        "{call}"
    );
}
