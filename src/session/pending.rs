//! Stands in for parts that have not landed yet.

#[derive(Default)]
pub struct Jar;
#[derive(Debug, Clone, serde::Deserialize)]
pub struct RuleConfig {}
#[derive(Debug, thiserror::Error)]
#[error("rule")]
pub struct RuleError;
#[derive(Debug)]
pub struct RuleSet;
pub const PRESETS: [(); 0] = [];
impl RuleSet {
    /// # Errors
    /// None yet.
    pub fn load(_presets: &[()], _company: &[RuleConfig]) -> Result<Self, RuleError> {
        Ok(Self)
    }
}
