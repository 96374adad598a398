//! What rules did in a session, in numbers and never in values.

use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// By the id of the rule or detector.
    pub rules: BTreeMap<String, Counts>,
    /// How often a page sent what it should have masked itself.
    pub corrections: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Elements masked, or texts and values in which a detector found something. A page that is told anew counts anew.
    pub masked: u64,
    pub locked: u64,
    /// Agents' actions that were refused.
    pub refused: u64,
}

/// A page may bear any lock id on its elements; more than this are not told apart.
const MOST: usize = 500;

impl Evidence {
    pub fn of(&mut self, rule: &str) -> &mut Counts {
        let known = self.rules.len() < MOST || self.rules.contains_key(rule);
        self.rules.entry(if known { rule.to_owned() } else { "others".to_owned() }).or_default()
    }

    pub fn add(&mut self, other: &Self) {
        for (rule, counts) in &other.rules {
            let sum = self.of(rule);
            sum.masked += counts.masked;
            sum.locked += counts.locked;
            sum.refused += counts.refused;
        }
        self.corrections += other.corrections;
    }
}
