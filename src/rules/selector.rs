//! The one subset of CSS selectors that stamps, page and mirror evaluate alike.

/// An element that selectors are matched against. `parent` may be unknown to a streaming rewriter: it keeps a stack.
pub trait Element {
    /// The local name, lower case for HTML elements.
    fn tag(&self) -> &str;
    /// The decoded value of an attribute; names are lower case.
    fn attr(&self, name: &str) -> Option<std::borrow::Cow<'_, str>>;
    fn parent(&self) -> Option<Self>
    where
        Self: Sized;
}
