//! Counts the instructions of requests under valgrind, and compares them with the ones that are committed.
//!
//! Unlike times, counts hardly depend on what else the machine does: a run differs from the next by a few in a thousand,
//! and on a busy machine, where threads wake each other more often, by more: so a case is counted several times before it
//! is too expensive, and the fewest count.
//! They do depend on the compiler, the C library and the kinds of instructions that the processor offers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tree;

/// Where the counts are committed.
const COUNTS: &str = "tests/instructions/counts.txt";
/// A count may grow by this much, per mille.
const GROWTH_MAX: u64 = 30;
/// The same for shards, which depend a little on how requests meet each other.
const SHARD_GROWTH_MAX: u64 = 50;
/// A case is counted so often before it is too expensive, or committed.
const TRIES: usize = 10;
/// What one run has counts of: functions of the example, by whose names valgrind knows them.
const STEPS: [&str; 3] = ["sends", "receives", "deletes"];
/// Threads besides the one that serves requests, per life cycle.
const SHARD: &str = "shard";

/// Runs of the example: protocol, kind of queue, groups, messages of a request, life cycles.
const RUNS: [[&str; 5]; 10] = [
    ["json", "standard", "0", "1", "100"],
    ["json", "standard", "0", "10", "100"],
    ["json", "standard", "10000", "1", "100"],
    ["json", "standard", "10000", "10", "100"],
    ["json", "fifo", "1", "10", "100"],
    ["json", "fifo", "10000", "10", "100"],
    ["query", "standard", "0", "1", "100"],
    ["query", "standard", "0", "10", "100"],
    ["signed", "standard", "0", "1", "100"],
    ["signed", "standard", "0", "10", "100"],
];

/// What becomes of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// They are compared with the committed ones.
    Check,
    /// They are committed.
    Bless,
}

/// What the line of the counts begins with that names the kind of machine.
const MACHINE: &str = "# Counted on ";

/// Instructions of one request, or of the shard for one life cycle, by name.
type Counts = BTreeMap<String, u64>;

/// Counts every case; returns those that have become too expensive.
pub(crate) fn run(action: Action) -> Result<Vec<String>, String> {
    let root = tree::root();
    let program = built(&root)?;
    let committed = root.join(COUNTS);
    let text = match action {
        Action::Bless => String::new(),
        Action::Check => {
            std::fs::read_to_string(&committed).map_err(|error| format!("{COUNTS}: {error}"))?
        }
    };
    let expected = parsed(&text);
    let mut counts = Counts::new();
    for run in RUNS {
        counts.extend(fewest(&expected, || counted(&root, &program, run))?);
    }
    if action == Action::Bless {
        std::fs::write(&committed, rendered(&counts, &machine()))
            .map_err(|error| error.to_string())?;
        return Ok(Vec::new());
    }
    for (name, count) in &counts {
        let before = expected.get(name).copied().unwrap_or(0);
        println!("{name:<40} {before:>9} {count:>9}  {}", change(before, *count));
    }
    let mut problems = problems(&expected, &counts);
    println!("{} passed, {} failed", counts.len().saturating_sub(problems.len()), problems.len());
    if !problems.is_empty() {
        problems.extend(other_machine(&text, &machine()));
    }
    Ok(problems)
}

/// The whole workspace is named, because another selection could mean other features, and RocksDB compiled twice.
fn built(root: &Path) -> Result<PathBuf, String> {
    let built = Command::new("cargo")
        .current_dir(root)
        .args(["build", "--release", "--locked", "--workspace", "--example", "instructions"])
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    if !built.success() {
        return Err("the example does not build".to_owned());
    }
    Ok(root.join("target/release/examples/instructions"))
}

/// Counts one case until nothing in it is too expensive, or often enough; gives the fewest of each.
fn fewest(
    expected: &Counts,
    mut counted: impl FnMut() -> Result<Counts, String>,
) -> Result<Counts, String> {
    let mut fewest = counted()?;
    for _ in 1..TRIES {
        if fewest.iter().all(|(name, count)| *count <= allowed(name, expected)) {
            break;
        }
        for (name, count) in counted()? {
            fewest.entry(name).and_modify(|least| *least = (*least).min(count)).or_insert(count);
        }
    }
    Ok(fewest)
}

fn counted(root: &Path, program: &Path, run: [&str; 5]) -> Result<Counts, String> {
    let folder = root.join("target/instructions");
    // What an earlier run left would be taken for this one's.
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--separate-threads=yes"])
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(program)
        .args(run)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| {
            format!("cannot run valgrind, which `apt install valgrind` brings: {error}")
        })?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let [protocol, kind, groups, batch, cycles] = run;
    let cycles: u64 = cycles.parse().map_err(|_| format!("{cycles} is no number"))?;
    let name = format!("{protocol} {kind} groups={groups} batch={batch}");
    let mut counts = Counts::new();
    for entry in std::fs::read_dir(&folder).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let profile = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        if profile.lines().any(|line| line == "thread: 1") {
            for step in STEPS {
                let (calls, instructions) = inclusive(&profile, step);
                let per_call = instructions.checked_div(calls);
                let per_call = per_call.ok_or_else(|| format!("{name}: {step} was not called"))?;
                counts.insert(format!("{name} {step}"), per_call);
            }
        } else {
            *counts.entry(format!("{name} {SHARD}")).or_default() += total(&profile) / cycles;
        }
    }
    Ok(counts)
}

/// Calls of a function of the example, and instructions until they returned.
fn inclusive(profile: &str, function: &str) -> (u64, u64) {
    let function = format!("instructions::{function}");
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut calls, mut instructions) = (0, 0);
    let mut callee = "";
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        // `fn=(12) name` the first time, `fn=(12)` from then on; `cfn=` before what is called.
        if let Some((key, id)) = line.split_once("fn=(") {
            let (id, name) = id.split_once(')').unwrap_or((id, ""));
            if !name.is_empty() {
                names.insert(id, name.trim_start());
            }
            if key == "c" {
                callee = names.get(id).copied().unwrap_or_default();
            }
        } else if let Some(numbers) = line.strip_prefix("calls=") {
            // The next line is the place of the call and its inclusive cost.
            let cost = lines.next().and_then(|line| line.split(' ').nth(1));
            if callee.starts_with(&function) {
                calls += number(numbers.split(' ').next());
                instructions += number(cost);
            }
        }
    }
    (calls, instructions)
}

fn total(profile: &str) -> u64 {
    number(profile.lines().find_map(|line| line.strip_prefix("totals: ")))
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// What counts depend on besides the code: the processor's kinds of instructions, and the C library of the system.
fn machine() -> String {
    #[cfg(target_arch = "x86_64")]
    let kind = if std::is_x86_feature_detected!("avx2") { " with AVX2" } else { " without AVX2" };
    #[cfg(not(target_arch = "x86_64"))]
    let kind = "";
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    let system = name.map_or(std::env::consts::OS, |name| name.trim_matches('"'));
    format!("{}{kind}, {system}", std::env::consts::ARCH)
}

/// What to do about counts of another kind of machine.
fn other_machine(text: &str, machine: &str) -> Option<String> {
    let counted = text.lines().find_map(|line| line.strip_prefix(MACHINE)).unwrap_or("unknown");
    (counted != machine).then(|| {
        format!(
            "{COUNTS} was counted on {counted}, this is {machine}: \
             count a version that is known to be good here with --bless, and compare with that; do not commit it"
        )
    })
}

fn rendered(counts: &Counts, machine: &str) -> String {
    let mut text = format!(
        "# Instructions of a request, and of the shard for a life cycle. Written by `cargo xtask instructions --bless`.\n{MACHINE}{machine}\n",
    );
    for (name, count) in counts {
        writeln!(text, "{name:<40} {count:>9}").expect("writing to a string cannot fail");
    }
    text
}

fn parsed(text: &str) -> Counts {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(name, count)| Some((name.trim().to_owned(), count.parse().ok()?)))
        .collect()
}

fn change(before: u64, now: u64) -> String {
    match before {
        0 => "new".to_owned(),
        _ => format!("{:+.1} %", (now as f64 / before as f64 - 1.0) * 100.0),
    }
}

fn problems(expected: &Counts, counts: &Counts) -> Vec<String> {
    let gone = expected.keys().filter(|name| !counts.contains_key(*name));
    let gone = gone.map(|name| format!("{name}: is in {COUNTS}, but nothing counts it"));
    let grown = counts.iter().filter_map(|(name, count)| match expected.get(name) {
        None => Some(format!("{name}: is not in {COUNTS}; add it with --bless")),
        Some(before) if *count > allowed(name, expected) => Some(format!(
            "{name}: {count} instructions, {} more than the {before} in {COUNTS}; find out why, or accept it with --bless",
            change(*before, *count)
        )),
        Some(_) => None,
    });
    gone.chain(grown).collect()
}

/// What a count may be at most; nothing, if none is expected.
fn allowed(name: &str, expected: &Counts) -> u64 {
    let before = expected.get(name).copied().unwrap_or(0);
    let growth_max = if name.ends_with(SHARD) { SHARD_GROWTH_MAX } else { GROWTH_MAX };
    before + before * growth_max / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "\
fn=(1) instructions::main
16 5
cfn=(2) instructions::sends
calls=3 12
18 600
calls=1 12
18 60
cfn=(3) instructions::receives
calls=1 30
19 77
fn=(2)
12 9
cfn=(4) other::sends
calls=1 1
12 5
fn=(1)
16 1
cfn=(2)
calls=1 12
20 40

totals: 1234
";

    #[test]
    fn calls_are_added_up_with_what_they_call() {
        assert_eq!(inclusive(PROFILE, "sends"), (5, 700));
        assert_eq!(inclusive(PROFILE, "receives"), (1, 77));
        assert_eq!(inclusive(PROFILE, "deletes"), (0, 0));
        assert_eq!(total(PROFILE), 1234);
    }

    fn counts(pairs: &[(&str, u64)]) -> Counts {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn growth_beyond_the_tolerance_is_a_problem_and_so_is_a_case_that_is_missing() {
        let expected = counts(&[("a", 1000), ("b", 1000), ("c", 1000), ("d", 1000)]);
        let found = counts(&[("a", 1030), ("b", 1031), ("c", 10), ("e", 1)]);
        let problems = problems(&expected, &found);
        let names: Vec<&str> = problems.iter().map(|problem| &problem[..1]).collect();
        assert_eq!(names, ["d", "b", "e"]);
        let shards = counts(&[("shard", 1000), ("other shard", 1000)]);
        let found = counts(&[("shard", 1050), ("other shard", 1051)]);
        assert_eq!(super::problems(&shards, &found).len(), 1);
    }

    #[test]
    fn what_is_too_expensive_is_counted_again_and_the_fewest_count() {
        let expected = counts(&[("a", 1000), ("b", 1000)]);
        let mut runs =
            vec![counts(&[("a", 1200), ("b", 900)]), counts(&[("a", 1010), ("b", 1300)])];
        let found = fewest(&expected, || Ok(runs.remove(0)));
        assert_eq!(found, Ok(counts(&[("a", 1010), ("b", 900)])));
        let mut times = 0;
        let found = fewest(&expected, || {
            times += 1;
            Ok(counts(&[("a", 1100), ("b", 1000)]))
        });
        assert_eq!((found, times), (Ok(counts(&[("a", 1100), ("b", 1000)])), TRIES));
    }

    #[test]
    fn committed_counts_read_back() {
        let counts = Counts::from([("json standard sends".to_owned(), 12_345)]);
        assert_eq!(parsed(&rendered(&counts, "a")), counts);
    }

    #[test]
    fn counts_of_another_kind_of_machine_say_so() {
        let text = rendered(&Counts::new(), "x86_64 with AVX2, a");
        assert_eq!(other_machine(&text, "x86_64 with AVX2, a"), None);
        let told = other_machine(&text, "aarch64, a").expect("it is another one");
        assert!(told.contains("x86_64 with AVX2, a") && told.contains("aarch64, a"), "{told}");
    }
}
