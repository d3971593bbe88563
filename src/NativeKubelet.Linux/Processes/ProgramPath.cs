namespace NativeKubelet.Linux.Processes;

/// <summary>Finds a program by name.</summary>
public static class ProgramPath
{
    // A unit's PATH may lack sbin, where distributions put what is root's.
    private static readonly string[] Usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <param name="name">Looked up in PATH and the usual directories, unless it is a path itself.</param>
    /// <returns>Null where there is none.</returns>
    public static string? Find(string name)
    {
        if (name.Contains('/')) return File.Exists(name) ? Path.GetFullPath(name) : null;
        string[] path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return path.Concat(Usual).Select(d => Path.Combine(d, name)).FirstOrDefault(File.Exists);
    }
}
