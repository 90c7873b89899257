//! Characters that SQS allows in bodies, string attributes and ids (contract §4.8, §2.8).

use super::limits::MESSAGE_ID_TEXT_CHARS_MAX;

const PLAIN_RUN_BYTES: usize = 64;

/// Says whether a body may contain the character: what XML 1.0 allows.
pub(super) fn is_allowed(character: char) -> bool {
    matches!(
        character,
        '\u{9}' | '\u{A}' | '\u{D}'
            | '\u{20}'..='\u{D7FF}'
            | '\u{E000}'..='\u{FFFD}'
            | '\u{10000}'..='\u{10FFFF}'
    )
}

/// Says whether every character of the text is allowed in a body.
///
/// Most bodies have only characters between space and tilde; those are looked at without a branch for each, so that the
/// compiler takes many at once.
pub(super) fn are_allowed(text: &str) -> bool {
    let is_plain = |run: &[u8]| {
        run.iter().fold(true, |is_plain, byte| is_plain & (byte.wrapping_sub(b' ') <= b'~' - b' '))
    };
    text.as_bytes().chunks(PLAIN_RUN_BYTES).all(is_plain) || text.chars().all(is_allowed)
}

/// Says whether a text may be a message group, deduplication or receive attempt id:
/// 1 to 128 ASCII letters, digits and punctuation.
pub(super) fn is_identifier(text: &str) -> bool {
    (1..=MESSAGE_ID_TEXT_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_hold_what_xml_allows() {
        assert!(are_allowed(" \t\r\n\"quoted\" <&> äöü 漢字 🚿\u{FFFD}\u{7F}\u{85}"));
    }

    #[test]
    fn one_character_decides_wherever_it_stands() {
        for before in [0, 1, 63, 64, 65, 127, 200] {
            let text = |middle| format!("{}{middle}{}", "~".repeat(before), " ".repeat(100));
            assert!(are_allowed(&text('\n')) && are_allowed(&text('ä')), "{before}");
            assert!(!are_allowed(&text('\u{1f}')) && !are_allowed(&text('\u{FFFE}')), "{before}");
        }
    }

    #[test]
    fn bodies_hold_no_control_characters_or_noncharacters() {
        for character in ['\u{0}', '\u{8}', '\u{B}', '\u{C}', '\u{1F}', '\u{FFFE}', '\u{FFFF}'] {
            assert!(!is_allowed(character), "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn identifiers_are_printable_ascii_without_space() {
        assert!(is_identifier("a"));
        assert!(is_identifier("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"));
        assert!(is_identifier(&"x".repeat(128)));
        for bad in ["", "a b", "ä", "tab\t", "\u{7F}"] {
            assert!(!is_identifier(bad), "{bad:?}");
        }
        assert!(!is_identifier(&"x".repeat(129)));
    }
}
