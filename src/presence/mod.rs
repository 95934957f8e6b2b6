//! What Lanyard says of a person, and how two such pictures differ.

pub mod by_id;
pub mod change;
pub mod model;
pub mod reading;
pub mod settle;
pub mod writing;
