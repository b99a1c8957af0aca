package dev.slayer.server.onnx;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The binding: numbers are right, mistakes are exceptions, and no native handle is left behind. */
class SessionTest {
    private static OnnxRuntime runtime;
    private static Arena arena;

    @BeforeAll
    static void open() {
        runtime = OnnxRuntime.open(2);
        arena = Arena.ofShared();
    }

    @AfterAll
    static void close() {
        runtime.close();
        arena.close();
    }

    /** y [n, 64] = x [n, 32] times a matrix whose element (i, j) is i - j. */
    private static Graph product(String operator) {
        MemorySegment matrix = arena.allocate(JAVA_FLOAT, 32 * 64);
        for (int i = 0; i < 32; i++) {
            for (int j = 0; j < 64; j++) {
                matrix.setAtIndex(JAVA_FLOAT, i * 64L + j, i - j);
            }
        }
        Graph.Builder graph = new Graph.Builder();
        String x = graph.input("x", ElementType.FLOAT, Graph.FREE, 32);
        String w = graph.weight("w", ElementType.FLOAT, matrix, 32, 64);
        graph.node(operator, "", "y", List.of(x, w), Map.of());
        return graph.output("y", ElementType.FLOAT, Graph.FREE, 64).build();
    }

    @Test
    void aProductOfMatricesIsRightForAnyNumberOfRows() {
        try (Session session = runtime.session(product("MatMul"));
                Binding binding = session.bind();
                Arena memory = Arena.ofConfined()) {
            for (int rows : new int[] {1, 7, 3}) {
                MemorySegment x = memory.allocate(JAVA_FLOAT, rows * 32L);
                MemorySegment y = memory.allocate(JAVA_FLOAT, rows * 64L);
                for (int i = 0; i < rows * 32; i++) {
                    x.setAtIndex(JAVA_FLOAT, i, i % 5);
                }
                binding.input("x", ElementType.FLOAT, x, rows, 32).output("y", ElementType.FLOAT, y, rows, 64);
                binding.run();
                for (int row = 0; row < rows; row++) {
                    for (int j = 0; j < 64; j++) {
                        float expected = 0;
                        for (int i = 0; i < 32; i++) {
                            expected += (row * 32 + i) % 5 * (i - j);
                        }
                        assertThat(y.getAtIndex(JAVA_FLOAT, row * 64L + j)).isCloseTo(expected, within(1e-2f));
                    }
                }
            }
        }
    }

    @Test
    void anUnknownOperatorIsRefusedInOnnxRuntimesOwnWordsAndLeavesNothingBehind() {
        long before = NativeHandle.live();
        assertThatThrownBy(() -> runtime.session(product("NoSuchOperator")))
                .isInstanceOf(OnnxException.class)
                .hasMessageContaining("NoSuchOperator");
        assertThat(NativeHandle.live()).isEqualTo(before);
    }

    @Test
    void aWrongShapeIsRefusedAndTheSessionStaysUsable() {
        try (Session session = runtime.session(product("MatMul"));
                Binding binding = session.bind();
                Arena memory = Arena.ofConfined()) {
            MemorySegment x = memory.allocate(JAVA_FLOAT, 31);
            MemorySegment y = memory.allocate(JAVA_FLOAT, 64);
            binding.input("x", ElementType.FLOAT, x, 1, 31).output("y", ElementType.FLOAT, y, 1, 64);
            assertThatThrownBy(binding::run).isInstanceOf(OnnxException.class).hasMessageContaining("x");
            binding.input("x", ElementType.FLOAT, memory.allocate(JAVA_FLOAT, 32), 1, 32);
            binding.run();
            assertThat(y.getAtIndex(JAVA_FLOAT, 0)).isZero();
        }
    }

    @Test
    void memoryThatDoesNotFitTheShapeNeverReachesNativeCode() {
        try (Session session = runtime.session(product("MatMul"));
                Binding binding = session.bind();
                Arena memory = Arena.ofConfined()) {
            assertThatThrownBy(() -> binding.input("x", ElementType.FLOAT, memory.allocate(JAVA_FLOAT, 8), 1, 32))
                    .hasMessageContaining("needs 128 bytes");
            assertThatThrownBy(() -> binding.input("x", ElementType.FLOAT, MemorySegment.ofArray(new float[32]), 1, 32))
                    .hasMessageContaining("heap memory");
            assertThatThrownBy(() -> binding.input("z", ElementType.FLOAT, memory.allocate(JAVA_FLOAT, 32), 1, 32))
                    .hasMessageContaining("'z'");
        }
    }

    @Test
    void aClosedSessionThrowsAndClosingTwiceIsHarmless() {
        Session session = runtime.session(product("MatMul"));
        Binding binding = session.bind();
        binding.close();
        binding.close();
        session.close();
        session.close();
        assertThatThrownBy(session::bind)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(binding::run)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
    }

    @Test
    void aSessionClosedUnderItsBindingIsReleasedWithTheBinding() {
        long before = NativeHandle.live();
        Session session = runtime.session(product("MatMul"));
        Binding binding = session.bind();
        session.close();
        assertThat(NativeHandle.live()).isEqualTo(before + 2);
        binding.close();
        assertThat(NativeHandle.live()).isEqualTo(before);
    }

    @Test
    void openingAndClosingSessionsAndBindingsLeaksNeitherHandlesNorMemory() throws IOException {
        long handles = NativeHandle.live();
        cycles(50);
        assertThat(NativeHandle.live()).isEqualTo(handles);
        Path status = Path.of("/proc/self/status");
        Assumptions.assumeTrue(Files.exists(status), "resident memory is only readable on Linux; handles were counted");
        long before = residentKilobytes(status);
        cycles(300);
        // 300 leaked sessions with their megabyte each would show as 300 MB; the heap's own growth is far less.
        assertThat(residentKilobytes(status) - before).isLessThan(100_000);
    }

    /** Opens, runs and closes a session that owns a matrix of one megabyte. */
    private static void cycles(int count) {
        MemorySegment matrix = arena.allocate(JAVA_FLOAT, 256 * 1024);
        Graph.Builder builder = new Graph.Builder();
        String in = builder.input("x", ElementType.FLOAT, Graph.FREE, 256);
        String weight = builder.weight("w", ElementType.FLOAT, matrix, 256, 1024);
        builder.node("MatMul", "", "y", List.of(in, weight), Map.of());
        Graph graph = builder.output("y", ElementType.FLOAT, Graph.FREE, 1024).build();
        for (int i = 0; i < count; i++) {
            try (Session session = runtime.session(graph);
                    Binding binding = session.bind();
                    Arena memory = Arena.ofConfined()) {
                MemorySegment x = memory.allocate(JAVA_FLOAT, 8 * 256);
                binding.input("x", ElementType.FLOAT, x, 8, 256)
                        .output("y", ElementType.FLOAT, memory.allocate(JAVA_FLOAT, 8 * 1024), 8, 1024)
                        .run();
            }
        }
    }

    private static long residentKilobytes(Path status) throws IOException {
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
