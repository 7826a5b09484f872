//! What every fuzz target does around the function of its name in `scenarios::parsers`.

pub use libfuzzer_sys;
pub use scenarios::parsers;

use std::panic::{PanicHookInfo, set_hook, take_hook};
use std::sync::Once;

/// A target over the function of this name.
#[macro_export]
macro_rules! target {
    ($name:ident) => {
        $crate::libfuzzer_sys::fuzz_target!(
            init: $crate::let_the_scanner_panic(),
            |bytes: &[u8]| $crate::parsers::$name(bytes)
        );
    };
}

/// libFuzzer's runtime turns every panic into an abort at once, by a panic hook. The YAML scanner panics on some broken texts,
/// which its callers catch, so a panic that begins in the scanner's own source passes the hook by and unwinds. Nobody but
/// those callers calls the scanner: were one not caught, the runtime would still abort when it leaves the target.
pub fn let_the_scanner_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let abort = take_hook();
        set_hook(Box::new(move |panic: &PanicHookInfo<'_>| {
            let here = panic.location().is_some_and(|place| place.file().contains("libyaml-safer"));
            if !here {
                abort(panic);
            }
        }));
    });
}
