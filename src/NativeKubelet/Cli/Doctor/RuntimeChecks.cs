using NativeKubelet.Runtime.Containers;

namespace NativeKubelet.Cli.Doctor;

/// <summary>The program that starts containers.</summary>
public static class RuntimeChecks
{
    private const string Subject = "OCI runtime";

    public static IEnumerable<Finding> Of(NodeSight sight)
    {
        yield return Of(sight.Runtime);
    }

    public static Finding Of(OciRuntimeSight runtime)
    {
        if (runtime.Path is not { } path)
            return Finding.Fail(Subject, runtime.Fault ?? "not found", "no container can be started", "install runc (the package is called so nearly everywhere), or name another by --runtime");
        if (runtime.Version is not { } text)
            return Finding.Fail(Subject, $"{path}: {runtime.Fault}", "it cannot be run", "install it anew; it must be a program for this machine");
        if (OciRuntimeVersion.Parse(text) is not { } version)
            return Finding.Warn(Subject, $"{path} does not tell its version", "whether it has known faults cannot be said", "name runc or crun by --runtime unless this one is meant");
        string what = $"{path}: {version.Name} {version.Text}";
        return version.Advisories is { } advisories
            ? Finding.Warn(Subject, what, $"by its number it has {advisories}, through which containers reach the host; a distribution may have mended it all the same",
                "look at the package's changelog, or install runc 1.2.8, 1.3.3, 1.4.0 or newer")
            : Finding.Ok(Subject, what);
    }
}
