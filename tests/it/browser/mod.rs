//! What a person sees and does in a browser: the real program, a real Chromium. Each test has a browser of its
//! own, and pictures of what it saw are kept in `target/screenshots`.

mod checks;
mod driver;
mod hostile;
mod live;
mod load;
mod login;
mod page;
mod town;
mod views;
