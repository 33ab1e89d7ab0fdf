//! Phrases that are hard to read, and plain words for them.

use super::violation::Violation;
use crate::source::{Source, is_word, line_of};

/// The file whose literals are the phrases themselves.
const TABLE: &str = "xtask/src/tidy/phrases.rs";

/// Consecutive words, and what to write instead.
struct Phrase {
    /// Lower case matches any case; a capital matches only a capital, as at the start of a sentence.
    phrase: &'static str,
    instead: &'static str,
}

const fn phrase(phrase: &'static str, instead: &'static str) -> Phrase {
    Phrase { phrase, instead }
}

/// The first phrase that matches at a word is reported.
const PHRASES: &[Phrase] = &[
    phrase("are sound", "are valid"),
    phrase("are told of", "are notified of"),
    phrase("as ever", "as before, as usual"),
    phrase("befall", "happen to"),
    phrase("befallen", "happened to"),
    phrase("befalls", "happens to"),
    phrase("befell", "happened to"),
    phrase("begun", "started"),
    phrase("beside", "next to, besides, versus"),
    phrase("came of", "resulted from"),
    phrase("come of", "result from"),
    phrase("comes of", "results from"),
    phrase("Has", "a plain verb: runs, submits, keeps, must"),
    phrase("in vain", "without effect"),
    phrase("is sound", "is valid"),
    phrase("is told of", "is notified of"),
    phrase("it is its turn", "a name: the event is the next of its key"),
    phrase("lend", "help, run for another thread"),
    phrase("lending", "helping, running for another thread"),
    phrase("lends", "helps, runs for another thread"),
    phrase("lent", "helped, ran for another thread"),
    phrase("let go of", "release, drop"),
    phrase("lets go of", "releases, drops"),
    phrase("letting go of", "releasing, dropping"),
    phrase("make no sense", "are invalid"),
    phrase("makes no sense", "is invalid"),
    phrase("of which", "a separate sentence"),
    phrase("refusal", "rejection"),
    phrase("refusals", "rejections"),
    phrase("refuse", "reject"),
    phrase("refused", "rejected"),
    phrase("refuses", "rejects"),
    phrase("refusing", "rejecting"),
    phrase("take it off", "remove it"),
    phrase("take off", "remove"),
    phrase("take them off", "remove them"),
    phrase("taken off", "removed"),
    phrase("takes it off", "removes it"),
    phrase("takes off", "removes"),
    phrase("takes them off", "removes them"),
    phrase("taking it off", "removing it"),
    phrase("taking off", "removing"),
    phrase("tell of", "notify of, report"),
    phrase("telling of", "notifying of, reporting"),
    phrase("tells of", "notifies of, reports"),
    phrase("told", "notified, reported"),
    phrase("took off", "removed"),
    phrase("what there is", "a list of what is meant"),
    phrase("whoever", "the actor: caller, worker, thread"),
];

/// The phrases in the comments of a source file, and in the literals of shipped code, which become messages.
pub(super) fn in_source(source: &Source) -> Vec<Violation> {
    let mut found = find(&source.comments);
    if source.path.contains("src/") && source.path != TABLE {
        let literals = without_escapes(&source.literals);
        let in_literals = find(&literals).into_iter();
        found.extend(in_literals.filter(|(line, _)| !source.in_test(*line)));
    }
    found.sort_by_key(|(line, _)| *line);
    violations(&source.path, found)
}

/// The phrases in a Markdown text.
pub(super) fn in_text(path: &str, text: &str) -> Vec<Violation> {
    violations(path, find(text))
}

fn violations(path: &str, found: Vec<(usize, &Phrase)>) -> Vec<Violation> {
    found
        .into_iter()
        .map(|(line, Phrase { phrase, instead })| Violation {
            path: path.into(),
            line: line + 1,
            rule: format!("\"{phrase}\": write \"{instead}\""),
        })
        .collect()
}

/// Every phrase with the line of its first word, counted from 0. A phrase may continue in the next line of a comment.
fn find(text: &str) -> Vec<(usize, &'static Phrase)> {
    let words = words(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let phrase = PHRASES
            .iter()
            .find(|phrase| starts_with(text, &words[at..], phrase.phrase));
        match phrase {
            Some(phrase) => {
                found.push((line_of(text, words[at]), phrase));
                at += phrase.phrase.split(' ').count();
            }
            None => at += 1,
        }
    }
    found
}

/// The offsets at which words start.
fn words(text: &str) -> Vec<usize> {
    let mut words = Vec::new();
    let mut was_word = false;
    for (at, char) in text.char_indices() {
        let is_word = is_word(char);
        if is_word && !was_word {
            words.push(at);
        }
        was_word = is_word;
    }
    words
}

/// Whether the words are those of the phrase, with only white space and comment marks between them.
fn starts_with(text: &str, words: &[usize], phrase: &str) -> bool {
    let is_start_of_sentence = phrase.starts_with(char::is_uppercase);
    let count = phrase.split(' ').count();
    let mut wanted = phrase.split(' ').zip(words).enumerate();
    words.len() >= count
        && wanted.all(|(index, (wanted, start))| {
            let rest = &text[*start..];
            let len = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            let is_equal = match is_start_of_sentence {
                true => &rest[..len] == wanted,
                false => rest[..len].eq_ignore_ascii_case(wanted),
            };
            let between = match words.get(index + 1) {
                Some(next) if index + 1 < count => &text[start + len..*next],
                _ => "",
            };
            let is_mark = |char: char| char.is_whitespace() || "/!*>".contains(char);
            is_equal && between.chars().all(is_mark)
        })
}

/// Literals with escapes such as `\n` replaced by blanks, so that they are no part of the next word.
fn without_escapes(literals: &str) -> String {
    let mut text = String::new();
    let mut chars = literals.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        text.push(' ');
        if let Some(escaped) = chars.next() {
            text.push(if escaped == '\n' { '\n' } else { ' ' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_file(path: &str, text: &str) -> Vec<String> {
        let source = Source::new(path.into(), text.into());
        in_source(&source)
            .iter()
            .map(Violation::to_string)
            .collect()
    }

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source::new(path.into(), text.into());
        let found = in_source(&source);
        found.iter().map(|violation| violation.line).collect()
    }

    #[test]
    fn a_message_names_the_phrase_and_what_to_write() {
        assert_eq!(
            in_file("src/a.rs", "//! A.\n/// It was Begun.\nfn a() {}"),
            ["src/a.rs:2: \"begun\": write \"started\""]
        );
    }

    #[test]
    fn phrases_in_code_and_in_longer_words_are_permitted() {
        let text = "// besides, retold, lend_thread\nfn told() { whoever() } // in vein";
        assert!(in_file("src/a.rs", text).is_empty());
    }

    #[test]
    fn a_phrase_may_go_on_in_the_next_line() {
        let text = "/// They let\n    /// go of it.\nfn a() {}\n/* makes\n * no sense */";
        assert_eq!(lines("src/a.rs", text), [1, 4]);
        assert!(lines("src/a.rs", "// let, go of; come. Of").is_empty());
    }

    #[test]
    fn of_phrases_that_overlap_the_longest_is_reported() {
        let found = in_text("a.md", "Who is told of it?");
        assert_eq!(found.len(), 1);
        assert!(found[0].rule.starts_with("\"is told of\""));
    }

    #[test]
    fn a_capital_is_meant_where_the_phrase_has_one() {
        assert_eq!(
            lines("src/a.rs", "/// Has it run.\n/// It has run. Has to run."),
            [1, 2]
        );
    }

    #[test]
    fn literals_count_in_shipped_code_only() {
        let text = "const A: &str = \"a\\nrefused\";\n#[cfg(test)]\nmod tests {\n    const B: &str = \"told\"; // told\n}";
        assert_eq!(lines("crates/a/src/a.rs", text), [1, 4]);
        assert_eq!(lines("crates/a/tests/a.rs", text), [4]);
        assert_eq!(lines(TABLE, text), [4]);
    }

    #[test]
    fn every_phrase_is_found() {
        for Phrase { phrase, .. } in PHRASES {
            let found = in_text("a.md", &format!("A\n> {phrase}."));
            assert_eq!(found.len(), 1, "{phrase}");
            assert_eq!(found[0].line, 2);
            assert!(
                found[0].rule.starts_with(&format!("\"{phrase}\"")),
                "{phrase}"
            );
        }
    }
}
