using Microsoft.Extensions.Logging.Abstractions;
using NativeKubelet.Runtime;
using NativeKubelet.Runtime.Images;

namespace NativeKubelet.Tests.Node.Images;

/// <summary>Not a test, and run by none but its killer: it cannot clean up, so nothing here is its own.</summary>
public sealed class ImportVictim
{
    /// <summary>The variable with the killer's directory.</summary>
    public const string Root = "NK_IMPORT_VICTIM";

    /// <summary>What another process runs until <see cref="ImportTests.An_agent_killed_anywhere_in_an_import_leaves_a_store_that_goes_on"/> kills it.</summary>
    [Fact(Explicit = true)]
    public async Task Imports_until_it_is_killed()
    {
        string root = Environment.GetEnvironmentVariable(Root)!;
        RuntimePaths paths = new(Path.Combine(root, "kubelet"), Path.Combine(root, "data"), Path.Combine(root, "run"), Path.Combine(root, "logs"), Path.Combine(root, "links"));
        using ImageStore store = ImageStore.Open(paths, new DirectoryRegistry(root), NativeKubelet.Runtime.Images.Layers.LayerLimits.Default, TimeProvider.System, NullLogger.Instance);
        while (true)
        {
            ImageRecord image = (await store.ImportAsync(Path.Combine(root, "layout"), CancellationToken.None))[0];
            await store.RemoveAsync(image.Id, CancellationToken.None);
        }
    }
}
