//! Forms as they travel: bytes to fields, without a server.
//!
//! The parsers read from a window of the body: they are shown what has arrived and not been consumed, and say how much of it
//! they have done with and what they found, or that they need more. Whoever drives them owns the window, so that nothing is
//! copied on the way, and sees to the limits.

pub mod header;
pub mod multipart;
pub mod urlencoded;

/// A name and a value.
pub type Pair = (Vec<u8>, Vec<u8>);
