using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Bench;

/// <summary>What has to be brought onto the machine.</summary>
public static class ProgramSize
{
    public static Task RunAsync(Figures figures)
    {
        long size = new FileInfo(ProgramFile.Path).Length;
        figures.Add(new("the program, one file", $"{size / 1e6:0.0} MB", "", "20 MB", size <= 20e6));
        return Task.CompletedTask;
    }
}
