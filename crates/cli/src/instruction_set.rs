//! What the processor must be able to do.

use crate::exit::Failure;

/// Refuses to start on a processor without the instructions that the binary was compiled for.
///
/// The build lets RocksDB use them for its checksums (`scripts/c++`); every x86-64 processor since 2010 has them.
pub(crate) fn check() -> Result<(), Failure> {
    #[cfg(target_arch = "x86_64")]
    if !(is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("pclmulqdq")) {
        return Err(Failure::Server(
            "this processor lacks the instructions SSE4.2 or PCLMULQDQ, which this binary was compiled for; use a \
             machine with a processor of 2010 or later, or compile Sluice there without the flags in scripts/c++"
                .to_owned(),
        ));
    }
    Ok(())
}
