package dev.slayer.training.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * The data of a training run. Opening it finds the files and looks at the first rows of each source; nothing stays open. Thread-safe; its
 * streams are not.
 */
public final class TrainingData {
    private final DataOptions options;
    private final TextCodec codec;
    private final Encoder encoder;
    private final List<Source> sources;
    private final List<Source> heldOut;
    private final String fingerprint;

    private TrainingData(DataOptions options, TextCodec codec, List<Source> sources, List<Source> heldOut) {
        this.options = options;
        this.codec = codec;
        this.encoder = new Encoder(codec, options.learning());
        this.sources = sources;
        this.heldOut = heldOut;
        this.fingerprint = fingerprint();
    }

    /**
     * Finds and checks the data.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if files are missing, unreadable, of unknown kinds or without a usable row, if the
     *     codec has no EOS, or no chat template where one is needed
     */
    public static TrainingData open(DataOptions options, TextCodec codec) {
        TrainingData data = new TrainingData(
                options,
                codec,
                found(options, options.sources()),
                found(options, options.validation().sources()));
        data.checkTemplate(data.sources);
        data.checkTemplate(data.heldOut);
        return data;
    }

    private static List<Source> found(DataOptions options, List<DataSource> specs) {
        return specs.stream()
                .map(spec -> FormatProbe.source(spec, options.limits()))
                .toList();
    }

    private void checkTemplate(List<Source> all) {
        boolean byTemplate = options.learning().style() == DataOptions.Learning.Style.TEMPLATE;
        for (Source source : all) {
            if (byTemplate && source.format().chats() && !codec.hasChatTemplate()) {
                throw Refusal.of(
                        "chat",
                        "source '" + source.spec().name() + "' has conversations (format " + source.format()
                                + "), but the checkpoint has no chat template; add one to its tokenizer_config.json, or choose"
                                + " the plain style");
            }
        }
    }

    /** The stream from its beginning. */
    public BatchStream train() {
        return stream(null);
    }

    /**
     * The stream from a position on: exactly the batches that the stream would have given which the position is from. The number of passes
     * and the number of tokens after which a stream ends may differ.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if files, options or codec are others than they were
     */
    public BatchStream train(DataPosition position) {
        if (!position.fingerprint().equals(fingerprint)
                || position.state().sources().size() != sources.size()) {
            throw Refusal.of(
                    "position",
                    "the position is of other data: files, their sizes, options of the data or the tokenizer have changed since;"
                            + " begin anew, or restore them");
        }
        PackState state = position.state();
        boolean plausible = state.offset() >= 0 && state.rows() >= 0;
        for (int i = 0; i < sources.size(); i++) {
            plausible &= state.sources().get(i).plausible(sources.get(i).files().size());
        }
        if (!plausible) {
            throw DataPosition.damaged();
        }
        return stream(position);
    }

    private BatchStream stream(DataPosition from) {
        SourceReader.Side side = options.validation().share() > 0 ? SourceReader.Side.TRAINING : SourceReader.Side.ALL;
        List<SourceReader> readers = new ArrayList<>();
        try {
            for (int i = 0; i < sources.size(); i++) {
                SourceState state = from == null
                        ? SourceState.START
                        : from.state().sources().get(i);
                readers.add(new SourceReader(i, sources.get(i), options, side, state));
            }
            return BatchStream.of(fingerprint, options, options.order().tokens(), encoder, readers, from);
        } catch (RuntimeException e) {
            closed(readers, e);
            throw e;
        }
    }

    private static void closed(List<SourceReader> readers, RuntimeException cause) {
        for (SourceReader reader : readers) {
            try {
                reader.close();
            } catch (IOException e) {
                cause.addSuppressed(e);
            }
        }
    }

    /**
     * What can be validated on: the names of the sources of which a share is held back, then those of the validation's own sources;
     * where both have the same name, the latter is meant.
     */
    public List<String> domains() {
        List<String> names = new ArrayList<>();
        if (options.validation().share() > 0) {
            sources.forEach(source -> names.add(source.spec().name()));
        }
        for (Source source : heldOut) {
            if (!names.contains(source.spec().name())) {
                names.add(source.spec().name());
            }
        }
        return List.copyOf(names);
    }

    /**
     * The validation data of a domain, once, in the order of the files; the same each time.
     *
     * @throws dev.slayer.surgery.SlayerException 400 if there is no such domain, or while reading if nothing was held back of it
     */
    public BatchStream validation(String domain) {
        if (!domains().contains(domain)) {
            throw Refusal.of("domain", "there is no validation domain '" + domain + "'; there are " + domains());
        }
        DataOptions once = options.withOrder(new DataOptions.Order(0, 1, 0, 0, DataOptions.Order.End.ALL));
        SourceReader reader = heldOut.stream()
                .filter(source -> source.spec().name().equals(domain))
                .findFirst()
                .map(source -> new SourceReader(0, source, once, SourceReader.Side.ALL, SourceState.START))
                .orElseGet(() ->
                        new SourceReader(0, named(domain), once, SourceReader.Side.VALIDATION, SourceState.START));
        return BatchStream.of(fingerprint, once, options.validation().tokens(), encoder, List.of(reader), null);
    }

    private Source named(String domain) {
        return sources.stream()
                .filter(source -> source.spec().name().equals(domain))
                .findFirst()
                .orElseThrow();
    }

    /** Of all that decides which batches come: not where the stream ends, and not where the files lie. */
    private String fingerprint() {
        DataOptions.Order order = options.order();
        StringBuilder text =
                new StringBuilder("1\n" + codec.identity() + "\n" + options.packing() + options.learning());
        text.append(options.limits().rowBytes())
                .append(' ')
                .append(options.limits().depth());
        text.append(options.validation().share()).append(' ').append(order.seed());
        text.append(' ').append(order.shuffle()).append(order.end()).append('\n');
        for (Source source : sources) {
            text.append(source.spec().weight()).append(source.format()).append('\n');
            for (DataFile file : source.files()) {
                text.append(file.path().getFileName())
                        .append(' ')
                        .append(file.bytes())
                        .append('\n');
            }
        }
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256").digest(text.toString().getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
