//! The crate as its users see it: files in, model or problems out.

mod golden;
mod shipped;
mod foreign;
mod slips;
mod reference;
mod effective;

#[expect(clippy::disallowed_methods, reason = "the rim of the tests: whether to accept what is different")]
fn blessing() -> bool {
    std::env::var("BLESS").is_ok_and(|value| value == "1")
}
