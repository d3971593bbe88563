using NativeKubelet.Cli.Images;

namespace NativeKubelet.Cli.Verbs;

/// <summary><c>pull</c>: lets the agent fetch images, by its own mirrors, credentials and certificates.</summary>
internal sealed class PullVerb(CliConsole console)
{
    public VerbSpec Spec => new(
        "pull", "IMAGE…", "fetches images from their registries",
        [
            new("quiet", 'q', null, "shows no progress"),
            VerbSpec.Output,
            VerbSpec.RunDirectory,
        ],
        RunAsync)
    {
        Words = [WordKind.Image],
    };

    private async Task<int> RunAsync(VerbCall call, CancellationToken cancel)
    {
        _ = call.Operand(0, "the image");
        AgentImages agent = new(AgentClient.For(call));
        ArrivedImages arrived = new(call, console);
        foreach (string reference in call.Operands)
            await arrived.TakeAsync(view => NodeImages.FollowAsync(agent.PullAsync(reference, cancel), view, cancel));
        return arrived.Finish();
    }
}
