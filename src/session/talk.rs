//! What the people of a session say to each other beside the page, and what has happened in it: in order, for everybody
//! who comes late or comes back.
//!
//! Agents read what the customer writes only as `mask` has let it through.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::{Agent, lock};
use crate::mask::Masked;
use crate::protocol::Level;

/// What is older is forgotten: nobody scrolls back further in one conversation.
const MAX_ENTRIES: usize = 1000;
/// In characters.
pub const MAX_TEXT: usize = 2000;
const MAX_KEY: usize = 64;
/// Typing is told at most this often.
const TYPING_EVERY: Duration = Duration::from_secs(1);

/// One thing that was said or has happened. Numbers count up from 1 and never skip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: u64,
    pub at: SystemTime,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Said(Message),
    Happened(Event),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub by: Speaker,
    /// As it was written: for the customer's own panel alone, when it is the customer's.
    pub text: String,
    /// As agents may read it.
    pub shown: Masked<String>,
    /// The sender's own name for the message: one that is sent again after a reconnect is not said twice.
    pub key: String,
    /// What others may read, in their languages.
    pub translated: BTreeMap<Language, Translated>,
}

/// A language that the apps speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Language {
    #[serde(rename = "en")]
    English,
    #[serde(rename = "pt-BR")]
    Portuguese,
    #[serde(rename = "es")]
    Spanish,
    #[serde(rename = "fr")]
    French,
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// ISO 639.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt",
            Self::Spanish => "es",
            Self::French => "fr",
            Self::German => "de",
        }
    }
}

/// What has become of a message in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Translated {
    Asked,
    /// It was written in it.
    Same,
    Text {
        text: Masked<String>,
        /// The language it was written in (ISO 639).
        from: String,
    },
    Failed,
}

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    Customer,
    Agent(Agent),
}

/// What people want to read later about how a session went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The customer has opened the link and said yes.
    Came,
    /// An agent has entered the PIN.
    Entered(Agent),
    Allowed(Level),
    Paused(bool),
    Asked(Agent, super::Ask),
    /// The customer's answer to what an agent has asked.
    Answered(super::Ask, bool),
    /// An agent has taken a question back.
    Withdrew(Agent),
}

/// How far a side has got with the other's messages, by entry number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    pub delivered: u64,
    pub read: u64,
}

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TalkError {
    #[error("a message has 1 to {MAX_TEXT} characters")]
    Text,
    #[error("a message's key has 1 to {MAX_KEY} bytes")]
    Key,
}

/// What a socket is told at once; everything else it looks up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// There are new entries or marks.
    Changed,
    /// Something has become of a message in a language.
    Translated(u64, Language),
    Typing(Speaker),
}

/// The conversation of one session.
#[derive(Debug)]
pub struct Talk {
    inner: Mutex<Inner>,
    signals: broadcast::Sender<Signal>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    last: u64,
    customer: Marks,
    /// By sign-in name.
    agents: HashMap<String, Marks>,
    typed: HashMap<String, Instant>,
}

impl Default for Talk {
    fn default() -> Self {
        Self { inner: Mutex::default(), signals: broadcast::channel(64).0 }
    }
}

impl Talk {
    pub fn signals(&self) -> broadcast::Receiver<Signal> {
        self.signals.subscribe()
    }

    /// The entries after number `after`.
    pub fn since(&self, after: u64) -> Vec<Entry> {
        lock(&self.inner).entries.iter().filter(|entry| entry.id > after).cloned().collect()
    }

    /// Takes a message; one with a key that the speaker has used before is taken as the same.
    ///
    /// # Errors
    /// [`TalkError`] when it is empty or too long.
    pub fn say(
        &self,
        by: Speaker,
        key: &str,
        text: &str,
        mask: impl FnOnce(&str) -> Masked<String>,
    ) -> Result<(), TalkError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > MAX_TEXT {
            return Err(TalkError::Text);
        }
        if key.is_empty() || key.len() > MAX_KEY {
            return Err(TalkError::Key);
        }
        let mut inner = lock(&self.inner);
        let known = |entry: &Entry| match &entry.what {
            What::Said(message) => message.key == key && message.by == by,
            What::Happened(_) => false,
        };
        if !inner.entries.iter().any(known) {
            inner.typed.remove(by.name());
            let (text, shown, key) = (text.to_owned(), mask(text), key.to_owned());
            let message = Message { by, text, shown, key, translated: BTreeMap::new() };
            inner.add(What::Said(message));
        }
        drop(inner);
        self.changed();
        Ok(())
    }

    /// More is private than before.
    pub(super) fn mask_again(&self, mask: impl Fn(&str) -> Masked<String>) {
        for entry in &mut lock(&self.inner).entries {
            if let What::Said(message) = &mut entry.what {
                let shown = mask(&message.text);
                if std::mem::replace(&mut message.shown, shown) != message.shown {
                    message.translated.clear();
                }
            }
        }
    }

    /// Whether there is a message that nobody has put into the reader's language.
    pub fn waits_for(&self, reader: &Speaker, to: Language) -> bool {
        lock(&self.inner).messages().any(|(_, message)| message.waits_for(reader, to))
    }

    /// The newest of them, and what others may read of it; it counts as asked for.
    pub fn untranslated(&self, reader: &Speaker, to: Language) -> Option<(u64, String)> {
        let mut inner = lock(&self.inner);
        let (id, message) = inner.messages().rev().find(|(_, message)| message.waits_for(reader, to))?;
        message.translated.insert(to, Translated::Asked);
        Some((id, message.told().to_owned()))
    }

    /// What has become of message `id`, whose words were `text`.
    pub fn translated(&self, id: u64, text: &str, to: Language, translated: Translated) {
        let mut inner = lock(&self.inner);
        // More of it may be private by now.
        let Some((_, message)) = inner.messages().find(|(at, message)| *at == id && message.told() == text) else {
            return;
        };
        message.translated.insert(to, translated);
        drop(inner);
        let _ = self.signals.send(Signal::Translated(id, to));
    }

    /// A message, if it is remembered still.
    pub fn message(&self, id: u64) -> Option<Message> {
        lock(&self.inner).messages().find(|(at, _)| *at == id).map(|(_, message)| message.clone())
    }

    pub fn happened(&self, event: Event) {
        lock(&self.inner).add(What::Happened(event));
        self.changed();
    }

    /// Somebody is writing.
    pub fn typing(&self, by: Speaker) {
        let now = Instant::now();
        let mut inner = lock(&self.inner);
        let due = inner.typed.get(by.name()).is_none_or(|last| now.duration_since(*last) >= TYPING_EVERY);
        if due {
            inner.typed.insert(by.name().to_owned(), now);
            drop(inner);
            let _ = self.signals.send(Signal::Typing(by));
        }
    }

    /// Somebody's browser has the entries up to `delivered`, and they have read those up to `read`.
    pub fn got(&self, by: &Speaker, delivered: u64, read: u64) {
        let mut inner = lock(&self.inner);
        let (delivered, read) = (delivered.min(inner.last), read.min(inner.last));
        let marks = match by {
            Speaker::Customer => &mut inner.customer,
            Speaker::Agent(agent) => inner.agents.entry(agent.name.clone()).or_default(),
        };
        let next = Marks { delivered: marks.delivered.max(delivered).max(read), read: marks.read.max(read) };
        let changed = std::mem::replace(marks, next) != next;
        drop(inner);
        if changed {
            self.changed();
        }
    }

    /// How far the other side has got: the customer for agents, and whichever agent is furthest for the customer.
    pub fn marks(&self, of_other_than: &Speaker) -> Marks {
        let inner = lock(&self.inner);
        match of_other_than {
            Speaker::Agent(_) => inner.customer,
            Speaker::Customer => inner.agents.values().fold(Marks::default(), |all, one| Marks {
                delivered: all.delivered.max(one.delivered),
                read: all.read.max(one.read),
            }),
        }
    }

    /// How far somebody has read: a browser that comes back may have forgotten it.
    pub fn read_by(&self, reader: &Speaker) -> u64 {
        let inner = lock(&self.inner);
        match reader {
            Speaker::Customer => inner.customer.read,
            Speaker::Agent(agent) => inner.agents.get(&agent.name).map_or(0, |marks| marks.read),
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *lock(&self.inner) = Inner::default();
    }

    fn changed(&self) {
        let _ = self.signals.send(Signal::Changed);
    }
}

impl Inner {
    fn add(&mut self, what: What) {
        self.last += 1;
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { id: self.last, at: SystemTime::now(), what });
    }

    fn messages(&mut self) -> impl DoubleEndedIterator<Item = (u64, &mut Message)> {
        self.entries.iter_mut().filter_map(|entry| match &mut entry.what {
            What::Said(message) => Some((entry.id, message)),
            What::Happened(_) => None,
        })
    }
}

impl Message {
    /// What everybody else may read.
    fn told(&self) -> &str {
        match self.by {
            Speaker::Customer => self.shown.as_ref(),
            Speaker::Agent(_) => &self.text,
        }
    }

    /// Numbers and signs say the same in every language.
    fn waits_for(&self, reader: &Speaker, to: Language) -> bool {
        self.by != *reader && !self.translated.contains_key(&to) && self.told().chars().any(char::is_alphabetic)
    }
}

impl Speaker {
    /// The customer has none; no agent's name is empty.
    fn name(&self) -> &str {
        match self {
            Self::Customer => "",
            Self::Agent(agent) => &agent.name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::Mask;
    use crate::rules::{PRESETS, RuleSet};
    use crate::session::Role;

    fn mask(text: &str) -> Masked<String> {
        Mask::new(RuleSet::load(&PRESETS, &[]).unwrap().for_site("shop.example")).words(text)
    }

    fn ana() -> Speaker {
        Speaker::Agent(Agent { name: "ana".into(), display: "Ana".into(), role: Role::Agent })
    }

    fn messages(talk: &Talk) -> Vec<Message> {
        let said = |entry: Entry| match entry.what {
            What::Said(message) => Some(message),
            What::Happened(_) => None,
        };
        talk.since(0).into_iter().filter_map(said).collect()
    }

    #[test]
    fn a_message_that_is_sent_again_after_a_reconnect_is_said_once() {
        let talk = Talk::default();
        talk.say(Speaker::Customer, "k1", "Hello", mask).unwrap();
        talk.say(Speaker::Customer, "k1", "Hello", mask).unwrap();
        talk.say(ana(), "k1", "Hello to you", mask).unwrap();
        assert_eq!(messages(&talk).len(), 2, "another's key is another message");
    }

    #[test]
    fn agents_do_not_read_a_card_number_that_the_customer_writes() {
        let talk = Talk::default();
        talk.say(Speaker::Customer, "k", "it is 4539 1488 0343 6467, ok?", mask).unwrap();
        let message = messages(&talk).remove(0);
        assert!(message.text.contains("4539"), "the customer reads their own words");
        assert!(!message.shown.as_ref().contains("4539"), "{:?}", message.shown);
        assert!(message.shown.as_ref().ends_with(", ok?"));
    }

    #[test]
    fn a_message_is_asked_for_once_in_each_language_and_never_in_its_writers_stead() {
        let talk = Talk::default();
        talk.say(Speaker::Customer, "k", "Onde vejo o 4539 1488 0343 6467?", mask).unwrap();
        talk.say(Speaker::Customer, "n", "12 + 3", mask).unwrap();
        assert_eq!(talk.untranslated(&Speaker::Customer, Language::English), None, "the customer wrote it");
        let (id, text) = talk.untranslated(&ana(), Language::English).unwrap();
        assert!(!text.contains("4539"), "nobody else reads the number: {text}");
        assert_eq!(talk.untranslated(&ana(), Language::English), None, "asked for already, and numbers are not words");
        assert!(talk.untranslated(&ana(), Language::German).is_some());
        let done = Translated::Text { text: mask("Where do I see it?"), from: "pt".into() };
        talk.translated(id, &text, Language::English, done.clone());
        assert_eq!(talk.message(id).unwrap().translated[&Language::English], done);
        talk.mask_again(|_| mask("4539 1488 0343 6467"));
        talk.translated(id, &text, Language::English, done);
        assert!(talk.message(id).unwrap().translated.is_empty(), "it was made of words that are private now");
    }

    #[test]
    fn marks_only_grow_and_never_run_ahead() {
        let talk = Talk::default();
        talk.say(ana(), "k", "Hello", mask).unwrap();
        talk.got(&Speaker::Customer, 99, 0);
        assert_eq!(talk.marks(&ana()), Marks { delivered: 1, read: 0 });
        talk.got(&Speaker::Customer, 0, 1);
        talk.got(&Speaker::Customer, 0, 0);
        assert_eq!(talk.marks(&ana()), Marks { delivered: 1, read: 1 });
        assert_eq!(talk.marks(&Speaker::Customer), Marks::default());
    }

    #[test]
    fn the_history_is_bounded_and_numbers_go_on() {
        let talk = Talk::default();
        let mask = Mask::new(RuleSet::load(&PRESETS, &[]).unwrap().for_site("shop.example"));
        for n in 0..MAX_ENTRIES + 5 {
            talk.say(ana(), &format!("k{n}"), "x", |text| mask.words(text)).unwrap();
        }
        let entries = talk.since(0);
        assert_eq!((entries.len(), entries[0].id), (MAX_ENTRIES, 6));
        assert_eq!(talk.since(entries[MAX_ENTRIES - 2].id).len(), 1);
    }

    #[test]
    fn empty_and_endless_messages_are_refused() {
        let talk = Talk::default();
        assert_eq!(talk.say(ana(), "k", "  \n", mask), Err(TalkError::Text));
        assert_eq!(talk.say(ana(), "k", &"x".repeat(MAX_TEXT + 1), mask), Err(TalkError::Text));
        assert_eq!(talk.say(ana(), "", "x", mask), Err(TalkError::Key));
        assert!(talk.since(0).is_empty());
    }
}
