//! A disk that is full, broken, read-only or gone: nobody is told but the log and the numbers, and it comes back.

use super::{SEGMENT_BYTES, Simulated, World, until};
use crate::disk::DiskState;
use crate::memory::Memory;
use std::sync::Arc;

#[tokio::test]
async fn a_full_disk_is_read_on_and_written_again_when_there_is_room() {
    let world = World::start(1, 40 * SEGMENT_BYTES).await;
    (0..10).for_each(|number| world.put(number, 1, 5000));
    world.flush();
    world.simulated.set_room(Some(12_000));
    (10..20).for_each(|number| world.put(number, 1, 5000));
    world.put(3, 2, 5000);
    world.remove(4);
    world.flush();
    world.comes_to("paused").await;
    let stat = world.stat();
    assert!(matches!(&stat.state, DiskState::Paused { error } if error.contains("no storage space")), "{stat:?}");
    assert!(stat.writes_dropped >= 8, "{stat:?}");
    for number in [0, 1, 2, 5, 6] {
        assert_eq!(world.version(number).await, Some(1), "{number} was there before");
    }
    world.put(5, 2, 100);
    for number in [3, 4, 5] {
        assert_eq!(world.version(number).await, None, "{number} was replaced or removed since");
    }
    world.simulated.set_room(None);
    world.comes_to("serving").await;
    world.put(21, 1, 5000);
    world.flush();
    let world = world.kill().await;
    for (number, version) in [(0, Some(1)), (3, None), (4, None), (5, None), (21, Some(1))] {
        assert_eq!(world.version(number).await, version, "{number} after a kill");
    }
}

#[tokio::test]
async fn a_disk_that_fails_every_write_or_read_is_lived_without() {
    let world = World::start(2, 40 * SEGMENT_BYTES).await;
    (0..10).for_each(|number| world.put(number, 1, 5000));
    world.flush();
    world.simulated.fail(true, true);
    assert!(world.find(1).await.is_none());
    (10..20).for_each(|number| world.put(number, 1, 5000));
    world.flush();
    world.comes_to("paused").await;
    assert_eq!(world.stat().reads_failed, 1);
    world.simulated.fail(false, false);
    world.comes_to("serving").await;
    world.flush();
    assert_eq!((world.version(0).await, world.version(1).await), (Some(1), None));
    world.put(1, 2, 10);
    world.flush();
    let world = world.kill().await;
    assert_eq!((world.version(0).await, world.version(1).await), (Some(1), Some(2)));
}

#[tokio::test]
async fn a_folder_that_vanishes_is_made_again_when_it_can_be() {
    let world = World::start(3, 40 * SEGMENT_BYTES).await;
    (0..10).for_each(|number| world.put(number, 1, 5000));
    world.flush();
    world.simulated.vanish();
    until(|| matches!(world.stat().state, DiskState::Unavailable { .. })).await;
    assert!(world.find(1).await.is_none());
    world.put(1, 2, 5000);
    world.remove(2);
    let stat = world.stat();
    assert_eq!((stat.objects, stat.segments, stat.bytes), (0, 0, 0));
    world.simulated.come_back();
    world.comes_to("serving").await;
    world.put(3, 3, 5000);
    world.flush();
    assert_eq!((world.version(3).await, world.version(1).await), (Some(3), None));
    assert_eq!(world.stat().bytes, world.simulated.bytes());
}

#[tokio::test]
async fn a_folder_that_cannot_be_opened_at_start_is_tried_until_it_can() {
    let simulated = Simulated::new(4);
    simulated.fail(true, false);
    let memory = Arc::new(Memory::new(1 << 20));
    let mount = Some(super::mount(Box::new(simulated.clone()), 10 * SEGMENT_BYTES, &memory));
    let world = World { simulated, memory, mount, limit: 10 * SEGMENT_BYTES };
    until(|| matches!(world.stat().state, DiskState::Unavailable { .. })).await;
    world.put(1, 1, 100);
    assert!(world.find(1).await.is_none());
    world.simulated.fail(false, false);
    world.comes_to("serving").await;
    world.put(1, 2, 100);
    world.flush();
    assert_eq!(world.version(1).await, Some(2));
}

#[tokio::test]
async fn garbage_in_the_folder_is_no_trouble() {
    use crate::disk::files::Folder;
    let world = World::start(5, 40 * SEGMENT_BYTES).await;
    (0..10).for_each(|number| world.put(number, 1, 5000));
    world.flush();
    let world = world.reopen(false).await;
    let lost = Simulated::restart(&world.simulated);
    drop(world);
    let put = |name: &str, bytes: &[u8]| lost.create(name).unwrap().write_at(bytes, 0).unwrap();
    put("00000000000000ff.seg", &[0xff; 5000]);
    put("0000000000000100.seg", b"");
    put("00000000000000AA.seg", b"not ours");
    put("notes.txt", b"not ours");
    let copy = lost.content("0000000000000001.seg");
    put("0000000000000101.seg", &copy);
    let world = World::on(lost, 40 * SEGMENT_BYTES).await;
    assert_eq!(world.stat().objects, 10);
    assert_eq!(world.version(1).await, Some(1));
    world.put(1, 2, 10);
    world.flush();
    let world = world.kill().await;
    assert_eq!(world.version(1).await, Some(2), "numbers go on past those that were there");
}
