package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.KvCache;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Takes rows of many layouts through their stacks in lockstep: at each turn the lowest block that some row needs next runs once,
 * for all rows that need it. Rows that share a layer share its run, whatever else differs between their stacks; any order of
 * slots gets to its end, since every turn moves some row on. The engine's thread only.
 */
final class Walk implements AutoCloseable {
    private final ModelConfig config;
    private final Attention attention;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment qkv;
    private final MemorySegment attended;
    private final MemorySegment sum;
    private final MemorySegment gathered;
    private MemorySegment hidden;
    private MemorySegment next;
    private int turns;

    /** A chunk under way: where its rows lie in the matrix, and how many stages it has passed. */
    private static final class Walker {
        final Chunk chunk;
        final List<BlockStack.Stage> stages;
        final int row;
        int passed;

        Walker(Chunk chunk, int row) {
            this.chunk = chunk;
            this.stages = ((BlockStack) chunk.stack()).stages();
            this.row = row;
        }

        boolean done() {
            return passed == stages.size();
        }

        BlockStack.Stage stage() {
            return stages.get(passed);
        }
    }

    /**
     * @param attention not closed by the walk
     * @param maxRows rows of the largest step
     */
    Walk(ModelConfig config, Attention attention, int maxRows) {
        this.config = config;
        this.attention = attention;
        this.hidden = floats((long) maxRows * config.hiddenSize());
        this.next = floats((long) maxRows * config.hiddenSize());
        this.gathered = floats((long) maxRows * config.hiddenSize());
        this.sum = floats((long) maxRows * config.hiddenSize());
        this.qkv = floats((long) maxRows * BlockGraphs.qkvWidth(config));
        this.attended = floats((long) maxRows * config.queryWidth());
    }

    /** Where the rows to walk are written before {@link #run}: [maxRows, hidden]. */
    MemorySegment rows() {
        return hidden;
    }

    /**
     * Takes the rows in {@link #rows} through their stacks.
     *
     * @param chunks the rows' owners, in the order of the rows
     * @return the rows after their last slots: [rows, hidden], until the next run
     */
    MemorySegment run(List<Chunk> chunks) {
        List<Walker> walkers = new ArrayList<>();
        int rows = 0;
        for (Chunk chunk : chunks) {
            walkers.add(new Walker(chunk, rows));
            rows += chunk.count();
        }
        turns = 0;
        for (Block block = lowest(walkers); block != null; block = lowest(walkers)) {
            turn(block, walkers, rows);
            turns++;
        }
        return hidden;
    }

    /** How often a block ran in the last run, for however many rows. */
    int turns() {
        return turns;
    }

    /** The block to run next; null if all have arrived. */
    private static Block lowest(List<Walker> walkers) {
        BlockStack.Stage lowest = null;
        for (Walker walker : walkers) {
            if (!walker.done() && (lowest == null || walker.stage().order() < lowest.order())) {
                lowest = walker.stage();
            }
        }
        return lowest == null ? null : (Block) lowest.block();
    }

    private void turn(Block block, List<Walker> walkers, int rows) {
        List<Walker> group = new ArrayList<>(walkers.size());
        int count = 0;
        for (Walker walker : walkers) {
            if (!walker.done() && walker.stage().block() == block) {
                group.add(walker);
                count += walker.chunk.count();
            }
        }
        MemorySegment in = gather(group, count);
        if (group.stream().anyMatch(walker -> walker.stage().attends())) {
            block.pre(count, in, slice(qkv, 0, count, BlockGraphs.qkvWidth(config)));
        }
        attend(group);
        MemorySegment out = slice(next, 0, count, config.hiddenSize());
        MemorySegment attention = slice(attended, 0, count, config.queryWidth());
        if (group.stream().allMatch(walker -> walker.stage().mlp() == 1)) {
            block.post(count, attention, in, out);
        } else {
            block.post(count, attention, in, out, slice(sum, 0, count, config.hiddenSize()));
            gateMlp(group);
        }
        group.forEach(walker -> walker.passed++);
        if (count == rows) {
            MemorySegment swap = hidden;
            hidden = next;
            next = swap;
        } else {
            scatter(group);
        }
    }

    /** The group's rows side by side: where they are if they lie together, otherwise copied. */
    private MemorySegment gather(List<Walker> group, int count) {
        Walker first = group.getFirst();
        Walker last = group.getLast();
        if (last.row + last.chunk.count() - first.row == count) {
            return slice(hidden, first.row, count, config.hiddenSize());
        }
        int row = 0;
        for (Walker walker : group) {
            copy(hidden, walker.row, gathered, row, walker.chunk.count());
            row += walker.chunk.count();
        }
        return slice(gathered, 0, count, config.hiddenSize());
    }

    private void scatter(List<Walker> group) {
        int row = 0;
        for (Walker walker : group) {
            copy(next, row, hidden, walker.row, walker.chunk.count());
            row += walker.chunk.count();
        }
    }

    private void copy(MemorySegment from, int fromRow, MemorySegment to, int toRow, int rows) {
        MemorySegment.copy(
                slice(from, fromRow, rows, config.hiddenSize()),
                0,
                to,
                (long) toRow * config.hiddenSize() * Float.BYTES,
                (long) rows * config.hiddenSize() * Float.BYTES);
    }

    /** Each sequence's rows over its own cache; what the output projection then reads is scaled, which scales what it adds. */
    private void attend(List<Walker> group) {
        int row = 0;
        for (Walker walker : group) {
            Chunk chunk = walker.chunk;
            BlockStack.Stage stage = walker.stage();
            MemorySegment rows = slice(attended, row, chunk.count(), config.queryWidth());
            if (stage.attends()) {
                attention.run(
                        slice(qkv, row, chunk.count(), BlockGraphs.qkvWidth(config)),
                        rows,
                        chunk.from(),
                        chunk.count(),
                        chunk.length(),
                        (KvCache) chunk.kv(),
                        stage.kvSlot());
                scale(rows, stage.attention());
            } else {
                rows.fill((byte) 0);
            }
            row += chunk.count();
        }
    }

    private static void scale(MemorySegment values, float factor) {
        if (factor != 1) {
            for (long i = 0; i < values.byteSize() / Float.BYTES; i++) {
                values.setAtIndex(JAVA_FLOAT, i, factor * values.getAtIndex(JAVA_FLOAT, i));
            }
        }
    }

    /** Of what the MLP added, which is next - sum, only a part: none leaves exactly the sum. */
    private void gateMlp(List<Walker> group) {
        int row = 0;
        for (Walker walker : group) {
            float factor = walker.stage().mlp();
            int count = walker.chunk.count();
            if (factor != 1) {
                MemorySegment before = slice(sum, row, count, config.hiddenSize());
                MemorySegment after = slice(next, row, count, config.hiddenSize());
                for (long i = 0; i < (long) count * config.hiddenSize(); i++) {
                    float kept = before.getAtIndex(JAVA_FLOAT, i);
                    after.setAtIndex(JAVA_FLOAT, i, kept + factor * (after.getAtIndex(JAVA_FLOAT, i) - kept));
                }
            }
            row += count;
        }
    }

    private MemorySegment floats(long count) {
        return arena.allocate(count * Float.BYTES, 64);
    }

    private static MemorySegment slice(MemorySegment matrix, int row, int rows, int width) {
        return matrix.asSlice((long) row * width * Float.BYTES, (long) rows * width * Float.BYTES);
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
