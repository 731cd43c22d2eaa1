;; A beachcomber.
;;
;; It walks along the edge of the system, where few others go, and picks up the nodes that lie near its way. It walks
;; clockwise until it meets somebody, then turns round, and keeps to that for a while whatever else it meets.
;;
;; Memory: bit 0 is 1 when it walks counterclockwise, bits 1 to 4 count the turns before it may turn round again.

(module
  ;; The host writes what a ship sees to address 0: four bytes an entity, kind, danger, x and y. 16,384 entities fit.
  (memory (export "memory") 1)

  ;; Where may the list be written? At 0 each time: the list of one ship is of no use to the next.
  (func (export "cabi_realloc") (param $old i32) (param $old_bytes i32) (param $align i32) (param $bytes i32)
    (result i32)
    (if (i32.gt_u (local.get $bytes) (i32.const 65536)) (then (unreachable)))
    (i32.const 0))

  ;; Kinds, directions, parts.
  (global $SHIP i32 (i32.const 1))
  (global $NORTH i32 (i32.const 0))
  (global $EAST i32 (i32.const 1))
  (global $SOUTH i32 (i32.const 2))
  (global $WEST i32 (i32.const 3))
  (global $THRUSTERS i32 (i32.const 1))
  (global $HARVESTERS i32 (i32.const 2))

  (global $MOVE_CELLS_MAX i32 (i32.const 15))
  (global $FIRST_BEACH i32 (i32.const 7))      ;; columns and rows up to here are beach, in the west and north,
  (global $LAST_BEACH i32 (i32.const 92))      ;; and from here on, in the east and south
  (global $NODE_CELLS i32 (i32.const 13))      ;; a node so far away is not worth the way
  (global $MEETING_CELLS i32 (i32.const 5))    ;; a ship so close turns it round
  (global $TURNS_STRAIGHT i64 (i64.const 12))  ;; for so many turns after that, none does
  (global $RICH i32 (i32.const 150))           ;; an upgrade costs 50, and something must be left to live on

  ;; ---- Plans: byte 0 is the command, the memory is above it

  (func $hold (param $memory i64) (result i64)
    (i64.shl (local.get $memory) (i64.const 8)))

  (func $move (param $direction i32) (param $cells i32) (param $memory i64) (result i64)
    (i64.or
      (call $hold (local.get $memory))
      (i64.extend_i32_u
        (i32.or
          (i32.or (i32.const 0x40) (i32.shl (local.get $direction) (i32.const 4)))
          (call $least (local.get $cells) (global.get $MOVE_CELLS_MAX))))))

  (func $upgrade (param $part i32) (param $memory i64) (result i64)
    (i64.or (call $hold (local.get $memory)) (i64.extend_i32_u (i32.or (i32.const 0x80) (local.get $part)))))

  ;; So far east and south, the longer way first, never past it.
  (func $move_by (param $east i32) (param $south i32) (param $memory i64) (result i64)
    (local $wide i32) (local $high i32)
    (local.set $wide (call $absolute (local.get $east)))
    (local.set $high (call $absolute (local.get $south)))
    (if (i32.eqz (i32.or (local.get $wide) (local.get $high))) (then (return (call $hold (local.get $memory)))))
    (if (result i64) (i32.ge_u (local.get $wide) (local.get $high))
      (then
        (call $move
          (select (global.get $WEST) (global.get $EAST) (i32.lt_s (local.get $east) (i32.const 0)))
          (local.get $wide) (local.get $memory)))
      (else
        (call $move
          (select (global.get $NORTH) (global.get $SOUTH) (i32.lt_s (local.get $south) (i32.const 0)))
          (local.get $high) (local.get $memory)))))

  ;; ---- Numbers

  (func $least (param $a i32) (param $b i32) (result i32)
    (select (local.get $a) (local.get $b) (i32.lt_s (local.get $a) (local.get $b))))

  (func $absolute (param $n i32) (result i32)
    (select (i32.sub (i32.const 0) (local.get $n)) (local.get $n) (i32.lt_s (local.get $n) (i32.const 0))))

  ;; ---- The way along the beach, which is eight cells wide

  ;; Clockwise: east in the north, south in the east, and so on round. From further inside, to the edge that is nearest.
  (func $clockwise (param $x i32) (param $y i32) (result i32)
    (local $from_west i32) (local $from_north i32)
    (if (i32.le_s (local.get $y) (global.get $FIRST_BEACH))
      (then (if (i32.lt_s (local.get $x) (global.get $LAST_BEACH)) (then (return (global.get $EAST))))))
    (if (i32.ge_s (local.get $x) (global.get $LAST_BEACH))
      (then (if (i32.lt_s (local.get $y) (global.get $LAST_BEACH)) (then (return (global.get $SOUTH))))))
    (if (i32.ge_s (local.get $y) (global.get $LAST_BEACH))
      (then (if (i32.gt_s (local.get $x) (global.get $FIRST_BEACH)) (then (return (global.get $WEST))))))
    (if (i32.le_s (local.get $x) (global.get $FIRST_BEACH)) (then (return (global.get $NORTH))))

    (local.set $from_west (call $least (local.get $x) (i32.sub (i32.const 99) (local.get $x))))
    (local.set $from_north (call $least (local.get $y) (i32.sub (i32.const 99) (local.get $y))))
    (if (result i32) (i32.le_s (local.get $from_west) (local.get $from_north))
      (then (select (global.get $WEST) (global.get $EAST) (i32.lt_s (local.get $x) (i32.const 50))))
      (else (select (global.get $NORTH) (global.get $SOUTH) (i32.lt_s (local.get $y) (i32.const 50))))))

  ;; In a mirror that swaps east and west, counterclockwise is clockwise.
  (func $counterclockwise (param $x i32) (param $y i32) (result i32)
    (local $mirrored i32)
    (local.set $mirrored (call $clockwise (i32.sub (i32.const 99) (local.get $x)) (local.get $y)))
    (i32.xor (local.get $mirrored) (i32.shl (i32.and (local.get $mirrored) (i32.const 1)) (i32.const 1))))

  ;; Thrusters make the round quick, harvesters make it pay.
  (func $next_part (param $thrusters i32) (param $harvesters i32) (result i32)
    (select (global.get $THRUSTERS) (global.get $HARVESTERS)
      (i32.and
        (i32.lt_s (local.get $thrusters) (global.get $MOVE_CELLS_MAX))
        (i32.lt_s (local.get $thrusters) (local.get $harvesters)))))

  ;; ---- What the universe calls

  (func (export "decide")
    (param $kind i32) (param $x i32) (param $y i32) (param $energy i32) (param $shield i32)
    (param $blasters i32) (param $thrusters i32) (param $harvesters i32)
    (param $last_plan i64) (param $entity i32) (param $bytes i32) (result i64)
    (local $end i32) (local $east i32) (local $south i32) (local $distance i32)
    (local $node i32) (local $node_distance i32) (local $ship_distance i32)
    (local $memory i64) (local $is_back i64) (local $wait i64)

    ;; The nearest ship and the nearest node. Moves go along the axes, so a distance is that east or west and that south
    ;; or north together. This runs for every entity, and a call costs as much as all of it: so it makes none.
    (local.set $node_distance (global.get $NODE_CELLS))
    (local.set $ship_distance (i32.const 100))
    (local.set $end (i32.add (local.get $entity) (local.get $bytes)))
    (block $seen_all
      (loop $next
        (br_if $seen_all (i32.eq (local.get $entity) (local.get $end)))
        (local.set $east (i32.sub (i32.load8_u offset=2 (local.get $entity)) (local.get $x)))
        (local.set $south (i32.sub (i32.load8_u offset=3 (local.get $entity)) (local.get $y)))
        (local.set $distance
          (i32.add
            (select
              (local.get $east)
              (i32.sub (i32.const 0) (local.get $east))
              (i32.ge_s (local.get $east) (i32.const 0)))
            (select
              (local.get $south)
              (i32.sub (i32.const 0) (local.get $south))
              (i32.ge_s (local.get $south) (i32.const 0)))))
        (if (i32.eq (i32.load8_u (local.get $entity)) (global.get $SHIP))
          (then
            (if (i32.lt_s (local.get $distance) (local.get $ship_distance))
              (then (local.set $ship_distance (local.get $distance)))))
          (else
            (if (i32.lt_s (local.get $distance) (local.get $node_distance))
              (then
                (local.set $node (local.get $entity))
                (local.set $node_distance (local.get $distance))))))
        (local.set $entity (i32.add (local.get $entity) (i32.const 4)))
        (br $next)))

    ;; What it remembers; and whether it turns round.
    (local.set $memory (i64.shr_u (local.get $last_plan) (i64.const 8)))
    (local.set $is_back (i64.and (local.get $memory) (i64.const 1)))
    (local.set $wait (i64.and (i64.shr_u (local.get $memory) (i64.const 1)) (i64.const 15)))
    (if (i64.ne (local.get $wait) (i64.const 0))
      (then (local.set $wait (i64.sub (local.get $wait) (i64.const 1))))
      (else
        (if (i32.le_s (local.get $ship_distance) (global.get $MEETING_CELLS))
          (then
            (local.set $is_back (i64.xor (local.get $is_back) (i64.const 1)))
            (local.set $wait (global.get $TURNS_STRAIGHT))))))
    (local.set $memory (i64.or (local.get $is_back) (i64.shl (local.get $wait) (i64.const 1))))

    ;; Alone in its cell, it spends what it has and picks up what lies near.
    (if (i32.ne (local.get $ship_distance) (i32.const 0))
      (then
        (if (i32.ge_s (local.get $energy) (global.get $RICH))
          (then
            (if (i32.lt_s (local.get $harvesters) (i32.const 100))
              (then
                (return
                  (call $upgrade
                    (call $next_part (local.get $thrusters) (local.get $harvesters)) (local.get $memory)))))))
        (if (i32.lt_s (local.get $node_distance) (global.get $NODE_CELLS))
          (then
            (return
              (call $move_by
                (i32.sub (i32.load8_u offset=2 (local.get $node)) (local.get $x))
                (i32.sub (i32.load8_u offset=3 (local.get $node)) (local.get $y))
                (local.get $memory)))))))

    (call $move
      (if (result i32) (i64.eqz (local.get $is_back))
        (then (call $clockwise (local.get $x) (local.get $y)))
        (else (call $counterclockwise (local.get $x) (local.get $y))))
      (local.get $thrusters)
      (local.get $memory))))
