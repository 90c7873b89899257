//! Why a text is no policy.

/// Why a text is no policy. Written for the people who wrote the policy; texts are AWS's where those are known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is not JSON, or an object in it has a member twice.
    #[error("not valid JSON: {0}")]
    Json(String),
    /// The text is JSON and no policy of this kind.
    #[error("{place}: {problem}")]
    Grammar {
        /// The element, for example `Statement[1].Action`.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
}
