package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * KV and scores of what sequences began with, for others that begin alike. A radix tree over tokens for each checkpoint; at each node
 * a column for every stack that has been there. Stacks whose first slots are the same share the KV of those slots. Bounded in bytes:
 * what has not been used for longest goes first, but nothing that a running sequence uses. The engine's thread only.
 */
final class PrefixCache implements AutoCloseable {
    /** Most tokens of a node: what a split copies, and what is evicted at once. */
    static final int NODE_TOKENS = 128;

    private static final Logger LOG = LoggerFactory.getLogger(PrefixCache.class);
    private static final int NO_MEMORY = 507; // of HTTP

    private final long limitBytes;
    private final Map<Runner, PrefixNode> roots = new HashMap<>();
    private final Set<PrefixColumn> byUse = new LinkedHashSet<>(); // the one not used for longest first
    private long usedBytes;

    /**
     * @param limitBytes of KV and scores; 0 keeps nothing
     */
    PrefixCache(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    /** A sequence as the cache sees it: which model, which stack, which tokens. */
    record Key(Runner runner, StackPath path, int[] tokens, int length) {}

    long usedBytes() {
        return usedBytes;
    }

    /** Whether it can hold anything. */
    boolean on() {
        return limitBytes > 0;
    }

    /**
     * Finds the longest beginning that the stack has computed before.
     *
     * @param scored if present, all of it must be scored, and each score name so many tokens
     */
    PrefixHit find(Key key, OptionalInt scored) {
        List<PrefixColumn> columns = new ArrayList<>();
        PrefixNode node = roots.get(key.runner);
        int rows = 0;
        while (node != null && rows < key.length) {
            node = node.children.get(key.tokens[rows]);
            PrefixColumn column = node == null ? null : node.columns.get(key.path);
            if (column == null) {
                break;
            }
            int common = node.common(key.tokens, key.length);
            int good = scored.isPresent() ? Math.min(common, column.scored(scored.getAsInt())) : common;
            columns.add(column);
            rows += good;
            if (good < node.tokens.length) {
                break;
            }
        }
        return new PrefixHit(columns, rows);
    }

    /** A sequence runs on what was found from now on. */
    void use(PrefixHit hit, PrefixUse use) {
        hit.columns().forEach(use::add);
        touch(hit.columns());
    }

    /**
     * Keeps the beginning of a sequence. What is there already stays as it is.
     *
     * @param rows how many of its tokens are in its KV
     * @param scores of a token by its position; null where it was not scored
     * @param use of the sequence
     * @return false if there was no room for all of it
     */
    boolean store(Key key, int rows, IntFunction<TokenScore> scores, Kv kv, PrefixUse use) {
        if (!on()) {
            return false;
        }
        List<PrefixColumn> passed = new ArrayList<>();
        PrefixNode node = roots.computeIfAbsent(key.runner, runner -> PrefixNode.root());
        int at = 0;
        while (at < rows) {
            Optional<PrefixColumn> column = next(node, key, at, rows, kv);
            if (column.isEmpty()) {
                break;
            }
            node = column.get().node;
            int count = Math.min(node.tokens.length, rows - at);
            use.add(column.get());
            passed.add(column.get());
            long more = column.get().wouldAdd(count, scores);
            if (!makeRoom(more)) {
                break;
            }
            column.get().addScores(count, scores);
            usedBytes += more;
            at += count;
        }
        touch(passed);
        return at == rows;
    }

    /** The column below a node that holds a sequence's next tokens, made if need be; empty if there is no room. */
    private Optional<PrefixColumn> next(PrefixNode node, Key key, int at, int rows, Kv kv) {
        PrefixNode child = node.children.get(key.tokens[at]);
        if (child == null) {
            int end = Math.min(rows, at + NODE_TOKENS);
            return make(new PrefixNode(node, Arrays.copyOfRange(key.tokens, at, end)), key.path, kv);
        }
        int common = child.common(key.tokens, rows);
        boolean whole = common == child.tokens.length;
        PrefixColumn column = child.columns.get(key.path);
        if (column != null && (whole || at + common == rows)) {
            return Optional.of(column);
        }
        PrefixNode same = whole ? child : split(child, common);
        PrefixColumn half = same.columns.get(key.path);
        return half == null ? make(same, key.path, kv) : Optional.of(half);
    }

    /** A column for a stack that has none at this node, which may be a new one. */
    private Optional<PrefixColumn> make(PrefixNode node, StackPath path, Kv kv) {
        int count = node.tokens.length;
        List<PrefixColumn.Part> parts = new ArrayList<>(shared(node, path));
        parts.forEach(part -> part.piece().hold()); // whatever is evicted meanwhile
        int known = parts.stream().mapToInt(PrefixColumn.Part::slots).sum();
        int slots = path.kvSlots() - known;
        Optional<PrefixColumn> made = Optional.empty();
        if (makeRoom(kv.keptBytes(slots, count))) {
            made = copied(parts, known, slots, node, kv)
                    .map(all -> new PrefixColumn(node, path, all, new TokenScore[count]));
            made.ifPresent(this::enter);
        }
        parts.forEach(part -> usedBytes -= part.piece().letGo());
        return made;
    }

    /** What is shared, and a copy of the other slots; empty if the device has no memory left for it, whatever the limit says. */
    private Optional<List<PrefixColumn.Part>> copied(
            List<PrefixColumn.Part> shared, int known, int slots, PrefixNode node, Kv kv) {
        List<PrefixColumn.Part> all = new ArrayList<>(shared);
        if (slots > 0) {
            PrefixPiece piece;
            try {
                piece = kv.copyOut(known, slots, node.depth, node.tokens.length);
            } catch (SlayerException e) {
                if (e.status() != NO_MEMORY) {
                    throw e;
                }
                LOG.warn("The prefix cache found no memory for {} tokens; they are not kept", node.tokens.length, e);
                return Optional.empty();
            }
            usedBytes += piece.bytes();
            all.add(new PrefixColumn.Part(piece, 0, slots));
        }
        return Optional.of(all);
    }

    /** KV of the first slots, from the stack at the node with which a path has most of them in common. */
    private static List<PrefixColumn.Part> shared(PrefixNode node, StackPath path) {
        return node.columns.values().stream()
                .max(Comparator.comparingInt(column -> path.sharedKvSlots(column.path)))
                .map(column -> column.first(path.sharedKvSlots(column.path)))
                .orElse(List.of());
    }

    private void enter(PrefixColumn column) {
        PrefixNode node = column.node;
        node.columns.put(column.path, column);
        node.parent.children.put(node.tokens[0], node); // new, or evicted a moment ago
        byUse.add(column);
    }

    /** Cuts a node in two. @return the first of them */
    private PrefixNode split(PrefixNode node, int at) {
        PrefixNode first = new PrefixNode(node.parent, Arrays.copyOf(node.tokens, at));
        PrefixNode second = new PrefixNode(first, Arrays.copyOfRange(node.tokens, at, node.tokens.length));
        second.children.putAll(node.children);
        second.children.values().forEach(child -> child.parent = second);
        first.children.put(second.tokens[0], second);
        Map<PrefixPiece, PrefixPiece> firsts = new HashMap<>();
        Map<PrefixPiece, PrefixPiece> seconds = new HashMap<>();
        for (PrefixColumn column : node.columns.values()) {
            replace(column, column.part(second, at, node.tokens.length, seconds), column.part(first, 0, at, firsts));
        }
        for (PrefixPiece piece : firsts.values()) {
            usedBytes += piece.bytes();
        }
        for (PrefixPiece piece : seconds.values()) {
            usedBytes += piece.bytes();
        }
        node.parent.children.put(first.tokens[0], first);
        makeRoom(0); // two halves may take some chunks more than the whole
        return first;
    }

    private void replace(PrefixColumn old, PrefixColumn second, PrefixColumn first) {
        for (PrefixColumn half : List.of(second, first)) {
            enter(half);
            old.uses.forEach(use -> use.add(half));
        }
        new ArrayList<>(old.uses).forEach(use -> use.remove(old));
        byUse.remove(old);
        usedBytes -= old.letGo();
    }

    /** The columns of a beginning become the newest; the first of them last, so that it is never evicted before what follows it. */
    private void touch(List<PrefixColumn> columns) {
        for (PrefixColumn column : columns.reversed()) {
            byUse.remove(column);
            byUse.add(column);
        }
    }

    private boolean makeRoom(long bytes) {
        Iterator<PrefixColumn> oldest = byUse.iterator();
        while (usedBytes + bytes > limitBytes && oldest.hasNext()) {
            PrefixColumn column = oldest.next();
            if (column.uses.isEmpty()) {
                oldest.remove();
                forget(column);
            }
        }
        return usedBytes + bytes <= limitBytes;
    }

    private void forget(PrefixColumn column) {
        usedBytes -= column.scoreBytes() + column.letGo();
        PrefixNode node = column.node;
        node.columns.remove(column.path);
        while (node.parent != null && node.empty()) {
            node.parent.children.remove(node.tokens[0], node);
            node = node.parent;
        }
    }

    /** Forgets a checkpoint, which no sequence uses any more. */
    void drop(Runner runner) {
        PrefixNode root = roots.remove(runner);
        for (Iterator<PrefixColumn> columns = byUse.iterator(); columns.hasNext(); ) {
            PrefixColumn column = columns.next();
            if (under(root, column.node)) {
                columns.remove();
                forget(column);
            }
        }
    }

    private static boolean under(PrefixNode root, PrefixNode node) {
        PrefixNode at = node;
        while (at.parent != null) {
            at = at.parent;
        }
        return at == root;
    }

    @Override
    public void close() {
        byUse.forEach(this::forget);
        byUse.clear();
        roots.clear();
    }
}
