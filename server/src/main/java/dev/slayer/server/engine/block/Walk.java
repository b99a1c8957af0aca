package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.KvCache;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Takes rows of many layouts through their stacks in lockstep, turn by turn. Rows that share a layer share its run, whatever else
 * differs between their stacks. The engine's thread only.
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
        this.qkv = floats((long) maxRows * config.qkvWidth());
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
        int rows = chunks.stream().mapToInt(Chunk::count).sum();
        List<Turn> all = Turn.of(chunks);
        all.forEach(turn -> run(turn, rows));
        turns = all.size();
        return hidden;
    }

    /** How often a block ran in the last run, for however many rows. */
    int turns() {
        return turns;
    }

    private void run(Turn turn, int rows) {
        Block block = (Block) turn.block();
        List<Turn.Member> group = turn.members();
        int count = turn.rows();
        MemorySegment in = gather(turn);
        if (group.stream().anyMatch(member -> member.stage().attends())) {
            block.pre(count, in, slice(qkv, 0, count, config.qkvWidth()));
        }
        attend(group);
        MemorySegment out = slice(next, 0, count, config.hiddenSize());
        MemorySegment attention = slice(attended, 0, count, config.queryWidth());
        if (group.stream().allMatch(member -> member.stage().mlp() == 1)) {
            block.post(count, attention, in, out);
        } else {
            block.post(count, attention, in, out, slice(sum, 0, count, config.hiddenSize()));
            gateMlp(group);
        }
        if (count == rows) {
            MemorySegment swap = hidden;
            hidden = next;
            next = swap;
        } else {
            scatter(group);
        }
    }

    /** The turn's rows side by side: where they are if they lie together, otherwise copied. */
    private MemorySegment gather(Turn turn) {
        if (turn.contiguous()) {
            return slice(hidden, turn.first(), turn.rows(), config.hiddenSize());
        }
        int row = 0;
        for (Turn.Member member : turn.members()) {
            copy(hidden, member.row(), gathered, row, member.chunk().count());
            row += member.chunk().count();
        }
        return slice(gathered, 0, turn.rows(), config.hiddenSize());
    }

    private void scatter(List<Turn.Member> group) {
        int row = 0;
        for (Turn.Member member : group) {
            copy(next, row, hidden, member.row(), member.chunk().count());
            row += member.chunk().count();
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
    private void attend(List<Turn.Member> group) {
        int row = 0;
        for (Turn.Member member : group) {
            Chunk chunk = member.chunk();
            BlockStack.Stage stage = member.stage();
            MemorySegment rows = slice(attended, row, chunk.count(), config.queryWidth());
            if (stage.attends()) {
                attention.run(
                        slice(qkv, row, chunk.count(), config.qkvWidth()),
                        rows,
                        chunk.from(),
                        chunk.count(),
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
    private void gateMlp(List<Turn.Member> group) {
        int row = 0;
        for (Turn.Member member : group) {
            float factor = member.stage().mlp();
            int count = member.chunk().count();
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
