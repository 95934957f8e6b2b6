use doorchime as _;
fn main() {}
