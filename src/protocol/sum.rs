//! Checksums of trees, alike in the page, in Lado and in the viewer (`injected/protocol/sum.ts`).
//!
//! Each node adds to the sum of its group: [`SUM_GROUP`] nodes that follow each other in document order. FNV-1a over
//! numbers and UTF-16 code units: this is to find mistakes, not enemies, and costs a page a multiplication a character.

/// How many nodes one sum stands for.
pub const SUM_GROUP: usize = 64;

const BASIS: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// What a node, or a group of them, adds up to so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sum(u32);

impl Default for Sum {
    fn default() -> Self {
        Self(BASIS)
    }
}

impl Sum {
    pub fn number(&mut self, number: u32) {
        self.0 = (self.0 ^ number).wrapping_mul(PRIME);
    }

    pub fn text(&mut self, text: &str) {
        if text.is_ascii() {
            text.bytes().for_each(|byte| self.number(u32::from(byte)));
        } else {
            text.encode_utf16().for_each(|unit| self.number(u32::from(unit)));
        }
    }

    pub fn value(self) -> u32 {
        self.0
    }
}

/// Collects the sums of nodes that follow each other.
#[derive(Debug, Default)]
pub struct Groups {
    sums: Vec<u32>,
    open: Sum,
    nodes: usize,
}

impl Groups {
    pub fn node(&mut self, sum: Sum) {
        self.open.number(sum.value());
        self.nodes += 1;
        if self.nodes == SUM_GROUP {
            self.close();
        }
    }

    /// How many groups are complete.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// The last group may be of fewer nodes: those at the end of a page.
    pub fn finish(mut self) -> Vec<u32> {
        if self.nodes > 0 {
            self.close();
        }
        self.sums
    }

    fn close(&mut self) {
        self.sums.push(std::mem::take(&mut self.open).value());
        self.nodes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same texts and sums as in `tests/unit/sum.test.ts`.
    #[test]
    fn texts_add_up_as_in_the_page() {
        let sum = |text: &str| {
            let mut sum = Sum::default();
            sum.text(text);
            sum.value()
        };
        let known: Vec<(String, u32)> =
            serde_json::from_str(include_str!("../../tests/fixtures/sums.json")).expect("the fixture is JSON");
        for (text, expected) in known {
            assert_eq!(sum(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_order_of_nodes_counts() {
        let group = |numbers: [u32; 2]| {
            let mut groups = Groups::default();
            for number in numbers {
                let mut sum = Sum::default();
                sum.number(number);
                groups.node(sum);
            }
            groups.finish()
        };
        assert_ne!(group([1, 2]), group([2, 1]));
    }
}
