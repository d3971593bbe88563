using NativeKubelet.Cli.Images;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>rmi</c>: removes images, or one of their names.</summary>
internal sealed class RmiVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "rmi", "IMAGE…", "removes images by name, digest or ID; those that a container needs only by force",
        [
            new("force", 'f', null, "also where a pod has a container of it, which keeps its files until it goes"),
            NodeImages.DataDirectory,
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Image],
    };

    private Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        _ = call.Operand(0, "the image");
        return NodeImages.UseAsync(call, create: false, async images =>
        {
            int code = 0;
            foreach (string reference in call.Operands)
                try
                {
                    console.Out.WriteLine(CliConsole.Clean(await images.RemoveAsync(reference, call.Has("force"), cancel)));
                }
                catch (VerbException e) when (e is not AgentAbsentException)
                {
                    console.Error.WriteLine(CliConsole.Clean($"nativekubelet {call.Verb.Name}: {e.Message}"));
                    code = VerbTable.Failed;
                }
            console.Out.Flush();
            return code;
        });
    }
}
