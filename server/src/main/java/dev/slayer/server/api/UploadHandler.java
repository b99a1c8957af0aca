package dev.slayer.server.api;

import dev.slayer.server.jobs.UploadedFiles;
import dev.slayer.server.store.StoredFile;
import dev.slayer.surgery.SlayerException;
import io.vertx.core.Handler;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.file.AsyncFile;
import io.vertx.core.file.OpenOptions;
import io.vertx.core.http.HttpServerFileUpload;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import java.time.Duration;
import java.util.Optional;

/**
 * POST /v1/files: a multipart body whose {@code file} goes to the disk as it comes, at the disk's speed and not beyond the limit. A client
 * that stops sending for the stall timeout is cut off.
 */
final class UploadHandler implements Handler<RoutingContext> {
    /** Of a multipart body beside its file. */
    private static final long FORM_BYTES = 64 << 10;

    private static final long SHORTEST_LIFE = 3600;
    private static final long LONGEST_LIFE = 30 * 24 * 3600;

    private final ApiScope scope;

    UploadHandler(ApiScope scope) {
        this.scope = scope;
    }

    @Override
    public void handle(RoutingContext ctx) {
        UploadedFiles files = scope.training().files();
        HttpServerRequest request = ctx.request();
        String type = String.valueOf(request.getHeader("content-type"));
        if (!type.startsWith("multipart/form-data")) {
            throw SlayerException.badRequest(
                    "content-type", "content-type '" + Excerpt.of(type) + "' is no multipart/form-data; send one.");
        }
        if (declared(request) > files.maxFileBytes() + FORM_BYTES) {
            request.handler(dropped -> {}); // so that the client gets to see the answer
            ctx.fail(tooLarge(files));
            return;
        }
        request.pause();
        ctx.vertx()
                .executeBlocking(files::begin, false)
                .onFailure(refused -> {
                    request.handler(dropped -> {}).resume();
                    ctx.fail(refused);
                })
                .onSuccess(upload -> new Receiving(ctx, files, upload).start());
    }

    private static long declared(HttpServerRequest request) {
        String length = request.getHeader("content-length");
        return length == null || !length.matches("\\d{1,18}") ? 0 : Long.parseLong(length);
    }

    private static SlayerException tooLarge(UploadedFiles files) {
        return new SlayerException(
                413,
                "file_too_large",
                "file",
                "The file is over " + files.maxFileBytes() + " bytes (--max-file); send it in parts, or compressed as"
                        + " .jsonl.gz or .jsonl.zst.",
                null);
    }

    /** One upload, on its event loop. */
    private final class Receiving {
        private final RoutingContext ctx;
        private final HttpServerRequest request;
        private final UploadedFiles files;
        private final UploadedFiles.Upload upload;
        private AsyncFile out;
        private String filename;
        private HttpServerFileUpload current; // the part that may be paused
        private long written;
        private long timer;
        private boolean over;

        Receiving(RoutingContext ctx, UploadedFiles files, UploadedFiles.Upload upload) {
            this.ctx = ctx;
            this.request = ctx.request();
            this.files = files;
            this.upload = upload;
        }

        void start() {
            ctx.addEndHandler(done -> drop());
            OpenOptions options = new OpenOptions().setCreateNew(true).setRead(false);
            ctx.vertx()
                    .fileSystem()
                    .open(upload.part().toString(), options)
                    .onFailure(cause -> refuse(SlayerException.internal("the upload cannot be written", cause)))
                    .onSuccess(this::receive);
        }

        private void receive(AsyncFile file) {
            out = file;
            if (over) {
                out.close();
                return;
            }
            patience();
            out.exceptionHandler(cause -> refuse(SlayerException.internal("the upload cannot be written", cause)));
            request.setExpectMultipart(true);
            request.exceptionHandler(cause -> refuse(unreadable(cause)));
            request.uploadHandler(this::part);
            request.endHandler(end -> received());
            request.resume();
        }

        private void patience() {
            ctx.vertx().cancelTimer(timer);
            timer = ctx.vertx()
                    .setTimer(scope.settings().stallTimeout().toMillis(), late -> ClientConnection.drop(ctx));
        }

        private void part(HttpServerFileUpload part) {
            part.exceptionHandler(cause -> refuse(unreadable(cause)));
            if (!part.name().equals("file") || filename != null) {
                refuse(SlayerException.badRequest(
                        Excerpt.of(part.name()), "The body holds more files than one part called 'file'; send that."));
            } else {
                filename = part.filename();
            }
            current = part;
            part.handler(bytes -> write(part, bytes));
        }

        private void write(HttpServerFileUpload part, Buffer bytes) {
            if (over) {
                return;
            }
            patience();
            written += bytes.length();
            if (written > files.maxFileBytes()) {
                refuse(tooLarge(files));
                return;
            }
            out.write(bytes)
                    .onFailure(cause -> refuse(SlayerException.internal("the upload cannot be written", cause)));
            if (out.writeQueueFull()) {
                part.pause();
                out.drainHandler(room -> part.resume());
            }
        }

        private void received() {
            if (over) {
                return;
            }
            ctx.vertx().cancelTimer(timer);
            if (filename == null) {
                refuse(SlayerException.badRequest(
                        "file", "file is missing; send a part of that name with a filename."));
                return;
            }
            String purpose = attribute("purpose").orElse("");
            Optional<Duration> life;
            try {
                life = life();
            } catch (SlayerException e) {
                refuse(e);
                return;
            }
            over = true; // from here on the upload is kept or dropped by who keeps it
            out.close()
                    .compose(closed ->
                            ctx.vertx().executeBlocking(() -> files.keep(upload, filename, purpose, life), false))
                    .onFailure(ctx::fail)
                    .onSuccess(this::answer);
        }

        private void answer(StoredFile file) {
            Answer.with(ctx, scope, 200, () -> ListQuery.document(FilesHandler.json(file)));
        }

        private Optional<String> attribute(String name) {
            return Optional.ofNullable(request.getFormAttribute(name));
        }

        private Optional<Duration> life() {
            String anchor = attribute("expires_after[anchor]").orElse("created_at");
            if (!anchor.equals("created_at")) {
                throw SlayerException.badRequest(
                        "expires_after.anchor",
                        "expires_after[anchor]='" + Excerpt.of(anchor) + "' is unknown; allowed: created_at.");
            }
            Optional<String> text = attribute("expires_after[seconds]");
            if (text.isEmpty()) {
                return Optional.empty();
            }
            long seconds = text.get().matches("\\d{1,9}") ? Long.parseLong(text.get()) : -1;
            if (seconds < SHORTEST_LIFE || seconds > LONGEST_LIFE) {
                throw SlayerException.badRequest(
                        "expires_after.seconds",
                        "expires_after[seconds]='" + Excerpt.of(text.get()) + "' is out of range; allowed: "
                                + SHORTEST_LIFE + " to " + LONGEST_LIFE + ".");
            }
            return Optional.of(Duration.ofSeconds(seconds));
        }

        private SlayerException unreadable(Throwable cause) {
            return new SlayerException(
                    400,
                    "bad_request",
                    null,
                    "The multipart body cannot be read: " + Excerpt.of(String.valueOf(cause.getMessage())) + ".",
                    cause);
        }

        private void refuse(SlayerException why) {
            drop();
            if (!ctx.failed() && !ctx.response().ended()) {
                ctx.fail(why);
            }
        }

        /** What was received goes, unless it was received whole. What still arrives is read and dropped. */
        private void drop() {
            ctx.vertx().cancelTimer(timer);
            if (over) {
                return;
            }
            over = true;
            if (current != null) {
                current.resume(); // the file will not ask for more
            }
            if (out != null) {
                out.close();
            }
            var _ = ctx.vertx()
                    .executeBlocking(
                            () -> {
                                files.drop(upload);
                                return null;
                            },
                            false);
        }
    }
}
