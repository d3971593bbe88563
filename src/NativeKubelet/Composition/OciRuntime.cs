using NativeKubelet.Config;

namespace NativeKubelet.Composition;

/// <summary>Finds the program that starts containers.</summary>
internal static class OciRuntime
{
    // A unit's PATH may lack sbin, where distributions put it.
    private static readonly string[] Usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <param name="runtime">--runtime: a name or a path.</param>
    /// <exception cref="ConfigException">There is none.</exception>
    public static string Find(string runtime)
    {
        if (runtime.Contains('/'))
            return File.Exists(runtime) ? Path.GetFullPath(runtime) : throw new ConfigException($"--runtime {runtime}: no such file; name an OCI runtime such as /usr/sbin/runc");
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return path.Concat(Usual).Select(d => Path.Combine(d, runtime)).FirstOrDefault(File.Exists)
            ?? throw new ConfigException($"--runtime {runtime}: not found in PATH; install it (the package is usually called {runtime}), or name another by --runtime");
    }
}
