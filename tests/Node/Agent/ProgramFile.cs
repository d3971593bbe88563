using NativeKubelet.Tests.Node.Images;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>The program under test and its demo image: those of the build that runs the tests, else what lies beside them.</summary>
public static class ProgramFile
{
    private static readonly Lazy<string> Made = new(() =>
    {
        if (Environment.GetEnvironmentVariable("NK_IMAGE") is { Length: > 0 } given) return given;
        string file = System.IO.Path.Combine(AppContext.BaseDirectory, "hello.tar");
        Tool.Run(System.IO.Path.Combine(StoreHost.Tools, "make-image"), "--output", file);
        return file;
    });

    public static string Path => Environment.GetEnvironmentVariable("NK_BINARY") is { Length: > 0 } given
        ? given : System.IO.Path.Combine(AppContext.BaseDirectory, "nativekubelet");

    /// <summary>The delivered form, compiled ahead of time, and not the one that is built for the inner loop.</summary>
    public static bool IsNative => !File.Exists(Path + ".dll");

    public static string DemoImage => Made.Value;
}
