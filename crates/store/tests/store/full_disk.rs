//! A disk that is really full: what was acknowledged stays, what was not is lost, nothing in between.

use std::path::PathBuf;

use sluice_store::{Batch, RocksOptions, RocksStore, ShardId, Space, Store, StoreError};

/// Incompressible enough for a disk to fill up.
fn body(key: u32) -> Vec<u8> {
    let mut state = u64::from(key) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..50_000).map(|_| next()).collect()
}

#[test]
#[ignore = "needs SLUICE_SMALL_DISK, an empty directory on a file system of about 64 MiB"]
fn a_full_disk_stops_the_store_and_loses_nothing_acknowledged() {
    let path = PathBuf::from(std::env::var_os("SLUICE_SMALL_DISK").unwrap()).join("data");
    let ballast = path.with_file_name("ballast");
    std::fs::write(&ballast, vec![1; 20 << 20]).unwrap();
    let options = || RocksOptions {
        write_buffer_bytes: 8 << 20,
        reserve_bytes: 0,
        ..RocksOptions::new(&path)
    };
    let store = RocksStore::open(options()).unwrap();
    let mut shard = store.open_shard(ShardId(0)).unwrap();
    let mut acknowledged = 0_u32;
    let error = loop {
        let mut batch = Batch::new();
        batch.put(Space::Bodies, acknowledged.to_be_bytes().to_vec(), body(acknowledged));
        match shard.commit(batch).wait() {
            Ok(()) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, StoreError::Lost { cause } if cause.contains("no space")), "{error}");
    let reader = shard.reader();
    assert!(reader.get(Space::Bodies, &0_u32.to_be_bytes()).unwrap().is_some());
    assert!(store.close().is_err());
    drop((store, shard, reader));

    // Whatever opening does on the full disk, it must say so clearly.
    match RocksStore::open(options()).map(drop) {
        Ok(()) => {}
        Err(error) => assert!(matches!(error, StoreError::Full { .. }), "{error}"),
    }
    std::fs::remove_file(&ballast).unwrap();
    let store = RocksStore::open(options()).unwrap();
    let reader = store.open_shard(ShardId(0)).unwrap().reader();
    for key in 0..acknowledged {
        assert_eq!(reader.get(Space::Bodies, &key.to_be_bytes()).unwrap().unwrap(), body(key));
    }
}
