package dev.slayer.server.engine.packed;

import dev.slayer.server.accelerator.Accelerator;
import dev.slayer.server.accelerator.DeviceSlice;
import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.block.Turn;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Takes the packed rows of a step through their stacks, turn by turn, without waiting for the device: what a turn needs to know goes
 * there in one copy before it. The engine's thread only.
 */
final class PackedWalk implements AutoCloseable {
    private final ModelConfig config;
    private final PackedOptions options;
    private final PagePool pool;
    private final PageShape shape;
    private final TurnSplit split;
    private final Accelerator accelerator;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final StepData data;
    private final RopeMemory rope;
    private final Replays replays;
    private final int spare;
    private final DeviceSlice gathered;
    /** The scale of KV as fp8: as wide as its range is, it needs none. Those of int8 come with the blocks. */
    private final DeviceSlice one;

    private DeviceSlice hidden;
    private DeviceSlice next;
    private int turns;

    /**
     * A turn and where everything is.
     *
     * @param current where the rows of the whole step are before it
     * @param in its rows, from the first on
     * @param out where they go
     * @param gathers whether rows must be brought to {@code in} first
     * @param all whether it takes every row of the step
     */
    private record Planned(
            Turn turn,
            TurnData data,
            DeviceSlice current,
            DeviceSlice in,
            DeviceSlice out,
            boolean gathers,
            boolean all) {}

    /**
     * @param maxRows of the largest step
     * @throws dev.slayer.surgery.SlayerException 507 if the device has no memory left; nothing is left behind then
     */
    PackedWalk(ModelConfig config, PackedOptions options, PagePool pool, int maxRows) {
        this.config = config;
        this.options = options;
        this.pool = pool;
        this.shape = PageShape.of(config, options);
        this.split = new TurnSplit(options);
        this.accelerator = pool.accelerator();
        try {
            this.data = own(new StepData(accelerator));
            this.rope = own(new RopeMemory(config, options.type(), accelerator));
            this.replays = own(new Replays(accelerator, options));
            long bytes = Replays.bucket(maxRows) * rowBytes(); // padding included
            this.hidden = zeros(bytes);
            this.next = zeros(bytes);
            this.gathered = zeros(bytes);
            this.one = one();
            this.spare = spare();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Zeros, so that the rows that pad a run are numbers. */
    private DeviceSlice zeros(long bytes) {
        DeviceSlice all = own(accelerator.allocate(bytes)).all();
        accelerator.among(() -> accelerator.zero(all)); // another model may be recording
        return all;
    }

    private DeviceSlice one() {
        DeviceSlice slice = own(accelerator.allocate(Float.BYTES)).all();
        try (Arena arena = Arena.ofConfined()) {
            accelerator.fill(arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1), slice);
        }
        return slice;
    }

    private int spare() {
        int page = pool.spare(shape);
        opened.push(() -> pool.giveSpareBack(shape, page));
        return page;
    }

    private long rowBytes() {
        return (long) config.hiddenSize() * options.type().bytes();
    }

    /** Where the rows to walk are written before {@link #run}: [maxRows, hidden]. */
    DeviceSlice rows() {
        return hidden;
    }

    /** How often a block ran in the last run, for however many rows. */
    int turns() {
        return turns;
    }

    /**
     * Takes the rows in {@link #rows} through their stacks.
     *
     * @param chunks the rows' owners, in the order of the rows
     * @return the rows after their last slots: [rows, hidden], when the queue is there; until the next run
     */
    DeviceSlice run(List<Chunk> chunks) {
        return run(Turn.of(chunks), chunks.stream().mapToInt(Chunk::count).sum());
    }

    /**
     * Takes the rows in {@link #rows} through some turns.
     *
     * @param rows of the whole step
     * @return the rows after them, which {@link #rows} gives too: [rows, hidden], when the queue is there; until the next run
     */
    DeviceSlice run(List<Turn> whole, int rows) {
        List<TurnData.Form> forms = new ArrayList<>();
        for (Turn turn : split.of(whole)) {
            forms.add(TurnData.Form.of(turn, shape, options));
        }
        data.begin(forms.stream().mapToLong(TurnData.Form::bytes).sum());
        // The device works on a turn while the next is worked out.
        forms.forEach(form -> run(plan(form, rows)));
        turns = forms.size();
        return hidden;
    }

    private Planned plan(TurnData.Form form, int rows) {
        Turn turn = form.turn();
        boolean everything = turn.rows() == rows;
        boolean gathers = !turn.contiguous() || (form.padded() && turn.first() != 0);
        DeviceSlice in = gathers ? gathered : from(hidden, turn.first());
        Planned planned = new Planned(turn, form.write(data, spare), hidden, in, next, gathers, everything);
        if (everything) {
            DeviceSlice swap = hidden;
            hidden = next;
            next = swap;
        }
        return planned;
    }

    private DeviceSlice from(DeviceSlice matrix, int row) {
        return matrix.slice(row * rowBytes(), matrix.bytes() - row * rowBytes());
    }

    private DeviceSlice rows(DeviceSlice matrix, int row, int count) {
        return matrix.slice(row * rowBytes(), count * rowBytes());
    }

    private void run(Planned planned) {
        DeviceSlice current = planned.current();
        if (planned.gathers()) {
            eachRun(
                    planned.turn(),
                    (from, to, count) -> accelerator.copy(rows(current, from, count), rows(gathered, to, count)));
        }
        PackedBlock block = (PackedBlock) planned.turn().block();
        TurnData of = planned.data();
        if (!of.form().replayable() || !replays.run(block, of, planned.in(), planned.out(), this::bind)) {
            Binding binding = block.binding(of.form().gated());
            data.send(of.all());
            bind(binding, of, of.tables().data().device(), of.metadata(), planned.in(), planned.out());
            Queued.run(accelerator, binding);
        }
        if (!planned.all()) {
            eachRun(
                    planned.turn(),
                    (to, from, count) -> accelerator.copy(rows(planned.out(), from, count), rows(current, to, count)));
        }
    }

    private void bind(
            Binding binding, TurnData of, DeviceSlice tables, MemorySegment metadata, DeviceSlice in, DeviceSlice out) {
        int rows = of.form().rows();
        binding.input("hidden", options.type(), rows(in, 0, rows), rows, config.hiddenSize())
                .output("next", options.type(), rows(out, 0, rows), rows, config.hiddenSize())
                .input("cos", options.type(), rope.cos(), rope.rows(), config.headDim() / 2)
                .input("sin", options.type(), rope.sin(), rope.rows(), config.headDim() / 2);
        long[] cache = {pool.count(shape), shape.rows(), config.kvHeads(), config.headDim()};
        binding.input("keys", options.kvType(), pool.keys(shape), cache)
                .input("values", options.kvType(), pool.values(shape), cache)
                .output("keys_out", options.kvType(), pool.keys(shape), cache)
                .output("values_out", options.kvType(), pool.values(shape), cache);
        if (options.quantizesKv() && !options.calibratesKv()) {
            binding.input("kv_scale", ElementType.FLOAT, one, 1);
        }
        SequenceTables.bind(binding, of.form().sequences(), of.form().width(), tables);
        if (options.metadata() > 0) {
            binding.input("metadata", ElementType.INT32, metadata, options.metadata());
        }
        of.bindGates(binding, options.type());
    }

    /** Rows that lie side by side both in the step and in the turn. */
    @FunctionalInterface
    private interface Rows {
        void on(int ofStep, int ofTurn, int count);
    }

    private static void eachRun(Turn turn, Rows rows) {
        int first = turn.first();
        int begin = 0;
        int end = 0;
        for (Turn.Member member : turn.members()) {
            if (member.row() != first + end - begin) {
                rows.on(first, begin, end - begin);
                first = member.row();
                begin = end;
            }
            end += member.chunk().count();
        }
        rows.on(first, begin, end - begin);
    }

    private <T extends AutoCloseable> T own(T part) {
        opened.push(part);
        return part;
    }

    @Override
    public void close() {
        Closing.all(opened);
    }
}
