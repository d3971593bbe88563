namespace NativeKubelet.Cli.Doctor;

/// <summary>What the node is told by flags and configuration file.</summary>
public static class ConfigChecks
{
    public static IEnumerable<Finding> Of(NodeSight sight)
    {
        if (sight.Config.Options is not { } options)
        {
            yield return Finding.Fail("configuration", sight.Config.Fault ?? "unknown", "the agent does not start with it", "mend what is named");
            yield break;
        }
        foreach (string warning in options.Warnings) yield return Finding.Warn("configuration", warning, "", "");
        if (options.Sources.ManifestPath is null && options.Sources.ManifestUrl is null && options.Node.Standalone)
            yield return Finding.Warn("configuration", "neither staticPodPath nor staticPodURL is set", "the node has no pods to run", "set staticPodPath, or --pod-manifest-path");
        else if (options.Sources.ManifestPath is { } path)
            yield return Finding.Ok("configuration", $"static pods from {path}");
    }
}
