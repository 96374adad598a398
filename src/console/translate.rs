//! Has messages put into their readers' languages, in the background.

use std::sync::Arc;

use super::Console;
use crate::session::Session;
use crate::session::talk::{Language, Speaker, Translated};

/// Begins with what the reader cannot read yet. One question at a time for each of the readers who ask.
pub(super) fn begin(console: &Console, session: &Arc<Session>, reader: &Speaker, to: Option<Language>) {
    let (Some(translator), Some(to)) = (console.translator.clone(), to) else { return };
    let (session, reader) = (session.clone(), reader.clone());
    if !session.talk.waits_for(&reader, to) {
        return;
    }
    tokio::spawn(async move {
        while let Some((id, text)) = session.talk.untranslated(&reader, to).filter(|_| !session.is_over()) {
            let translated = match translator.translate(&text, to.code()).await {
                Ok(it) if it.from == to.code() => Translated::Same,
                Ok(it) => Translated::Text { text: session.masked(&it.text), from: it.from },
                Err(error) => {
                    tracing::warn!(session = %session.id, %error, "a message was not translated");
                    Translated::Failed
                }
            };
            session.talk.translated(id, &text, to, translated);
        }
    });
}
