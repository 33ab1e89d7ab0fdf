//! The order in which listeners are called.

use std::fmt;

/// When a listener is called, relative to the other listeners of an emission.
///
/// Listeners with a higher priority are called first. Listeners with the same priority are called in the order in which they
/// were subscribed.
///
/// ```
/// use soiree_core::Priority;
/// assert!(Priority::High > Priority::default());
/// assert_eq!(Priority::try_from(5), Ok(Priority::Highest));
/// assert_eq!(Priority::try_from(6).unwrap_err().to_string(), "6 is not a priority (1 to 5)");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Priority {
    /// 1: after all others.
    Lowest = 1,
    /// 2: after `Normal`.
    Low,
    /// 3: the default.
    #[default]
    Normal,
    /// 4: before `Normal`.
    High,
    /// 5: before all others.
    Highest,
}

/// A number that is not a [`Priority`]: below 1 or above 5.
#[doc(alias = "ErrInvalidPriority")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a priority (1 to 5)")]
pub struct InvalidPriority(pub i32);

impl TryFrom<i32> for Priority {
    type Error = InvalidPriority;

    fn try_from(number: i32) -> Result<Self, InvalidPriority> {
        match number {
            1 => Ok(Self::Lowest),
            2 => Ok(Self::Low),
            3 => Ok(Self::Normal),
            4 => Ok(Self::High),
            5 => Ok(Self::Highest),
            other => Err(InvalidPriority(other)),
        }
    }
}

impl From<Priority> for i32 {
    fn from(priority: Priority) -> Self {
        priority as Self
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lowest => "lowest",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Highest => "highest",
        })
    }
}
