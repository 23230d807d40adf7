//! Where one word ends and the next begins.

/// Words as they are found.
#[derive(Default)]
pub(super) struct Words {
    done: Vec<String>,
    current: String,
    is_open: bool,
}

impl Words {
    /// Adds a character, whatever it is.
    pub(super) fn add(&mut self, character: char) {
        self.current.push(character);
        self.is_open = true;
    }

    /// Adds a text to the current word and to `text`.
    pub(super) fn join(&mut self, text: &mut String, part: &str) {
        text.push_str(part);
        self.current.push_str(part);
        self.is_open = true;
    }

    /// Adds a character; one that is a space ends the word instead.
    pub(super) fn split_at(&mut self, character: char) {
        if !character.is_whitespace() {
            self.add(character);
        } else if self.is_open && !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
            self.is_open = false;
        }
    }

    /// Answers the words.
    pub(super) fn finish(mut self) -> Vec<String> {
        if !self.current.is_empty() {
            self.done.push(self.current);
        }
        self.done
    }
}
