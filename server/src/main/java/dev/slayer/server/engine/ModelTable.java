package dev.slayer.server.engine;

import dev.slayer.surgery.SlayerException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/** The checkpoints that an engine serves, and how many sequences each has. Thread-safe. */
final class ModelTable {
    private final Map<String, Member> members = new LinkedHashMap<>();
    private final Consumer<Member> unused;

    /**
     * @param unused told of a checkpoint that has been removed and whose last sequence has left
     */
    ModelTable(Collection<EngineModel> models, Consumer<Member> unused) {
        this.unused = unused;
        models.forEach(this::add);
    }

    /** A checkpoint in the table. */
    static final class Member {
        final EngineModel model;
        final CompletableFuture<Void> retired = new CompletableFuture<>();
        private int sequences;
        private boolean removed;

        private Member(EngineModel model) {
            this.model = model;
        }
    }

    /** @throws SlayerException 409 if there is one of that name */
    synchronized void add(EngineModel model) {
        if (members.containsKey(model.name())) {
            throw new SlayerException(
                    409,
                    "model_exists",
                    "name",
                    "A checkpoint '" + model.name() + "' is loaded already; unload it first or choose another name.",
                    null);
        }
        members.put(model.name(), new Member(model));
    }

    /** @throws SlayerException 404 listing the models there are */
    synchronized EngineModel get(String name) {
        return member(name).model;
    }

    /** A sequence begins: the checkpoint stays until it leaves. @throws SlayerException 404 listing the models there are */
    synchronized Member enter(String name) {
        Member member = member(name);
        member.sequences++;
        return member;
    }

    /** A sequence has ended. */
    synchronized void leave(Member member) {
        member.sequences--;
        report(member);
    }

    /** No sequence can enter any more. @throws SlayerException 404 listing the models there are */
    synchronized Member remove(String name) {
        Member member = member(name);
        members.remove(name);
        member.removed = true;
        report(member);
        return member;
    }

    /** All that are still served. */
    synchronized List<EngineModel> all() {
        return members.values().stream().map(member -> member.model).toList();
    }

    private void report(Member member) {
        if (member.removed && member.sequences == 0) {
            unused.accept(member);
        }
    }

    private Member member(String name) {
        Member member = members.get(name);
        if (member == null) {
            throw new SlayerException(
                    404,
                    "model_not_found",
                    "model",
                    "The model '" + name + "' does not exist; there are " + members.keySet() + ".",
                    null);
        }
        return member;
    }
}
