package dev.slayer.server.engine.block;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.slayer.server.engine.Chunk;
import dev.slayer.server.engine.Outputs;
import dev.slayer.server.engine.Runner;
import dev.slayer.server.engine.TokenScore;
import dev.slayer.server.onnx.Binding;
import dev.slayer.server.onnx.ElementType;
import dev.slayer.server.onnx.OnnxRuntime;
import dev.slayer.server.onnx.Session;
import dev.slayer.surgery.checkpoint.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.OptionalInt;

/**
 * Turns rows of the last slot into logits, scores and hidden states, a few rows at a time, so that memory never grows with tokens times
 * vocabulary. Rows of stacks that end in the same weights go together. Logits stay on the device; scores are reduced there, and only what was asked for leaves it. The engine's thread only.
 */
final class Head implements AutoCloseable {
    /** Rows of one run: the matrix product is as fast as with more, and their logits fit the memory of any vocabulary. */
    static final int ROWS = 64;

    private final ModelConfig config;
    private final Deque<Runnable> closers = new ArrayDeque<>();
    private final Binding scoresBinding;
    private final MemorySegment rows;
    private final MemorySegment logits;
    private final MemorySegment targets;
    private final MemorySegment top;
    private final MemorySegment logprobs;
    private final MemorySegment above;
    private final float[] row;
    private final MemorySegment normed;
    private final float[] hidden;
    private Arena topArena;
    private int topRoom;
    private MemorySegment topLogprobs;
    private MemorySegment topTokens;

    /** @throws dev.slayer.surgery.SlayerException if the runtime fails */
    Head(OnnxRuntime runtime, ModelConfig config) {
        this.config = config;
        Arena arena = Arena.ofShared();
        closers.push(arena::close);
        try {
            Session scores = runtime.session(ScoreGraph.of(config));
            closers.push(scores::close);
            this.scoresBinding = scores.bind();
            closers.push(scoresBinding::close);
            this.rows = arena.allocate((long) ROWS * config.hiddenSize() * Float.BYTES, 64);
            this.logits = arena.allocate((long) ROWS * config.vocabularySize() * Float.BYTES, 64);
            this.normed = arena.allocate((long) ROWS * config.hiddenSize() * Float.BYTES, 64);
            this.targets = arena.allocate(JAVA_LONG, ROWS);
            this.top = arena.allocate(JAVA_LONG);
            this.logprobs = arena.allocate(JAVA_FLOAT, ROWS);
            this.above = arena.allocate(JAVA_INT, ROWS);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
        this.row = new float[config.vocabularySize()];
        this.hidden = new float[config.hiddenSize()];
    }

    /** Tells in which weights the stack of a chunk ends. */
    @FunctionalInterface
    interface Ending {
        HeadWeights of(Chunk chunk);
    }

    /**
     * Hands over what the chunks ask for, of each chunk in the order of its positions.
     *
     * @param last rows after their last slots, in the order of the chunks: [rows, hidden]
     */
    void run(List<Chunk> chunks, Ending ending, MemorySegment last, Runner.Sink sink) {
        Wanted.by(chunks, ending::of, Outputs::any)
                .forEach((weights, wanted) ->
                        Wanted.inParts(wanted, ROWS, rowsOfIt -> some(weights, rowsOfIt, last, sink)));
        Wanted.by(chunks, ending::of, Outputs::hidden)
                .forEach((weights, wanted) ->
                        Wanted.inParts(wanted, ROWS, rowsOfIt -> hidden(weights, rowsOfIt, last, sink)));
    }

    private void some(HeadWeights weights, List<Wanted> wanted, MemorySegment last, Runner.Sink sink) {
        computeLogits(weights, wanted, last);
        OptionalInt most = wanted.stream()
                .filter(Wanted::scored)
                .mapToInt(one -> one.chunk().outputs().top())
                .max();
        int named = Math.clamp(most.orElse(0), 1, config.vocabularySize());
        if (most.isPresent()) {
            computeScores(wanted, named);
        }
        for (int i = 0; i < wanted.size(); i++) {
            Wanted one = wanted.get(i);
            if (one.scored()) {
                sink.score(one.index(), one.position(), score(one, i, named));
            }
            if (one.told()) {
                MemorySegment.copy(logits, JAVA_FLOAT, (long) i * row.length * Float.BYTES, row, 0, row.length);
                sink.logits(one.index(), one.position(), row);
            }
        }
    }

    private void computeLogits(HeadWeights weights, List<Wanted> wanted, MemorySegment last) {
        int size = wanted.size();
        long vocabulary = config.vocabularySize() * (long) Float.BYTES;
        weights.logits(size, gathered(wanted, last), logits.asSlice(0, size * vocabulary));
    }

    private void hidden(HeadWeights weights, List<Wanted> wanted, MemorySegment last, Runner.Sink sink) {
        MemorySegment in = gathered(wanted, last);
        weights.normed(wanted.size(), in, normed.asSlice(0, in.byteSize()));
        for (int i = 0; i < wanted.size(); i++) {
            MemorySegment.copy(normed, JAVA_FLOAT, (long) i * hidden.length * Float.BYTES, hidden, 0, hidden.length);
            sink.hidden(wanted.get(i).index(), wanted.get(i).position(), hidden);
        }
    }

    /** Rows of interest side by side. */
    private MemorySegment gathered(List<Wanted> wanted, MemorySegment last) {
        long width = config.hiddenSize() * (long) Float.BYTES;
        for (int i = 0; i < wanted.size(); i++) {
            MemorySegment.copy(last, wanted.get(i).row() * width, rows, i * width, width);
        }
        return rows.asSlice(0, wanted.size() * width);
    }

    private void computeScores(List<Wanted> wanted, int named) {
        int size = wanted.size();
        for (int i = 0; i < size; i++) {
            targets.setAtIndex(JAVA_LONG, i, wanted.get(i).target());
        }
        top.set(JAVA_LONG, 0, named);
        makeRoom(named);
        bind(scoresBinding::input, "logits", ElementType.FLOAT, logits, size, config.vocabularySize());
        bind(scoresBinding::input, "targets", ElementType.INT64, targets, size, 1);
        scoresBinding.input("top", ElementType.INT64, top, 1);
        bind(scoresBinding::output, "logprobs", ElementType.FLOAT, logprobs, size, 1);
        bind(scoresBinding::output, "above", ElementType.INT32, above, size, 1);
        bind(scoresBinding::output, "top_logprobs", ElementType.FLOAT, topLogprobs, size, named);
        bind(scoresBinding::output, "top_tokens", ElementType.INT64, topTokens, size, named);
        scoresBinding.run();
    }

    private TokenScore score(Wanted wanted, int index, int named) {
        int count = Math.min(wanted.chunk().outputs().top(), named);
        int[] tokens = new int[count];
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            long at = (long) index * named + i;
            tokens[i] = (int) topTokens.getAtIndex(JAVA_LONG, at);
            values[i] = topLogprobs.getAtIndex(JAVA_FLOAT, at);
        }
        float logprob = logprobs.getAtIndex(JAVA_FLOAT, index);
        return new TokenScore(wanted.target(), logprob, above.getAtIndex(JAVA_INT, index) + 1, tokens, values);
    }

    private void makeRoom(int named) {
        if (named > topRoom) {
            scoresBinding.clear();
            closeTop();
            topArena = Arena.ofShared();
            topLogprobs = topArena.allocate(JAVA_FLOAT, (long) ROWS * named);
            topTokens = topArena.allocate(JAVA_LONG, (long) ROWS * named);
            topRoom = named;
        }
    }

    private void closeTop() {
        if (topArena != null) {
            topArena.close();
            topArena = null;
            topRoom = 0;
        }
    }

    /** One of a binding's two directions. */
    @FunctionalInterface
    private interface Bind {
        Binding on(String name, ElementType type, MemorySegment data, long... shape);
    }

    private static void bind(Bind bind, String name, ElementType type, MemorySegment memory, int rows, int width) {
        Binding _ = bind.on(name, type, memory.asSlice(0, (long) rows * width * type.bytes()), rows, width);
    }

    @Override
    public void close() {
        while (!closers.isEmpty()) {
            closers.pop().run(); // newest first
        }
        closeTop();
    }
}
