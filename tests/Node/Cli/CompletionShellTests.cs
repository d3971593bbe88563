using System.Diagnostics;
using NativeKubelet.Tests.Node.Agent;

namespace NativeKubelet.Tests.Node.Cli;

/// <summary>The scripts in the shells that they are for.</summary>
public sealed class CompletionShellTests
{
    [Theory]
    [InlineData("nativekubelet lo", "logs")]
    [InlineData("nativekubelet ps -o ", "wide json yaml name")]
    [InlineData("nativekubelet ps --output=j", "json")]
    [InlineData("nativekubelet ps --output=", "wide json yaml name")]
    [InlineData("nativekubelet run --unt", "--until")]
    [InlineData("nativekubelet --config=/proc/self/statu", "/proc/self/status")]
    [InlineData("nativekubelet run /proc/self/statu", "/proc/self/status")]
    public async Task Bash_completes(string line, string expected)
    {
        // As bash itself fills them: '=' and ':' are words of their own.
        string script = $$"""
            source <("$NK" completion bash)
            COMP_LINE='{{line}}' COMP_POINT={{line.Length}}
            read -ra COMP_WORDS <<<"${COMP_LINE//=/ = }"
            case $COMP_LINE in *' ') COMP_WORDS+=('') ;; esac
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _nativekubelet
            echo "${COMPREPLY[@]}"
            """;
        Assert.Equal(expected, (await RunAsync("/bin/bash", "--norc", "-c", script)).Trim());
    }

    [Fact]
    public async Task Zsh_completes()
    {
        const string script = """
            compdef() { :; }
            compset() { :; }
            _describe() { shift; print -r -- "${(P)1[*]}"; }
            _files() { print -r -- files "$@"; }
            source <("$NK" completion zsh)
            words=(nativekubelet lo) CURRENT=2; _nativekubelet
            words=(nativekubelet ps -o '') CURRENT=4; _nativekubelet
            words=(nativekubelet run '') CURRENT=3; _nativekubelet
            """;
        Assert.Equal("logs:prints what a container wrote, also while no agent runs\nwide json yaml name\nfiles\n", await RunAsync("/usr/bin/zsh", "-f", "-c", script));
    }

    [Fact]
    public async Task Fish_completes()
    {
        const string script = """
            "$NK" completion fish | source
            complete -C 'nativekubelet lo'
            complete -C 'nativekubelet ps -o '
            complete -C 'nativekubelet run /proc/self/statu'
            """;
        Assert.Equal(
            ["logs\tprints what a container wrote, also while no agent runs", "json", "name", "wide", "yaml", "/proc/self/status"],
            (await RunAsync("/usr/bin/fish", "--no-config", "-c", script)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private static async Task<string> RunAsync(string shell, params string[] words)
    {
        Assert.SkipUnless(File.Exists(shell), $"needs {shell}");
        string bin = Directory.CreateTempSubdirectory("nk-test-").FullName;
        try
        {
            // Found by its name, as at a prompt.
            File.CreateSymbolicLink(Path.Combine(bin, "nativekubelet"), ProgramFile.Path);
            ProcessStartInfo start = new(shell) { RedirectStandardOutput = true, RedirectStandardError = true };
            foreach (string word in words) start.ArgumentList.Add(word);
            start.Environment["NK"] = ProgramFile.Path;
            start.Environment["PATH"] = $"{bin}:{Environment.GetEnvironmentVariable("PATH")}";
            using Process process = Process.Start(start)!;
            Task<string> output = process.StandardOutput.ReadToEndAsync(AgentHost.Deadline()), error = process.StandardError.ReadToEndAsync(AgentHost.Deadline());
            await process.WaitForExitAsync(AgentHost.Deadline());
            Assert.Equal("", await error);
            return await output;
        }
        finally
        {
            Directory.Delete(bin, recursive: true);
        }
    }
}
