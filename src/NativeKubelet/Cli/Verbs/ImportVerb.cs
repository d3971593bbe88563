using NativeKubelet.Cli.Images;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>import</c>: images from archives, for machines without a registry.</summary>
internal sealed class ImportVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "import", "FILE…", "takes images out of archives: OCI layouts (tar or directory) and what docker save writes",
        [
            new("pin", '\0', null, "keeps the images from garbage collection"),
            new("quiet", 'q', null, "shows no progress"),
            VerbSpec.Output,
            NodeImages.DataDirectory,
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.File],
    };

    private Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        _ = call.Operand(0, "the archive");
        // Looked at before anything is opened: a typing error must not make a data directory.
        if (call.Operands.FirstOrDefault(f => !File.Exists(f) && !Directory.Exists(f)) is { } missing) throw new VerbException($"{missing}: no such file or directory");
        ArrivedImages arrived = new(call, console);
        return NodeImages.UseAsync(call, create: true, async images =>
        {
            foreach (string file in call.Operands)
                await arrived.TakeAsync(view => NodeImages.FollowAsync(images.ImportAsync(Path.GetFullPath(file), call.Has("pin"), cancel), view, cancel));
            return arrived.Finish();
        });
    }
}
