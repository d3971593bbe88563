using System.Diagnostics;

namespace NativeKubelet.Tests.Node.Agent;

/// <summary>
/// Everything that a machine consists of, before and after a run: processes, mounts, links, routes, both firewalls, forwarding,
/// files. Taken in namespaces and on file systems of its own, as this machine has other inhabitants; control groups have no
/// such walls, and those of runs elsewhere are told apart by their locks.
/// </summary>
[Collection(RunTests.OneAfterTheOther)]
public sealed class MachineInventoryTests : IDisposable
{
    private const string Isolated = """
        set -eu
        mount --make-rprivate /
        # What others have mounted goes away while they work, and with it from here.
        awk '$5 ~ "^/(run|tmp|var)/" { print $5 }' /proc/self/mountinfo | sort -r | while read -r point; do umount -l "$point" 2>/dev/null || :; done
        for dir in /run /var/tmp /var/lib /var/log; do mount -t tmpfs tmpfs $dir; done
        ip link set lo up
        inventory() {
            # Without a child of its own, which would be one more.
            echo processes; for p in /proc/[0-9]*; do [ "$p" != /proc/$$ ] && read -r name 2>/dev/null <"$p/comm" && echo "$name" || :; done
            echo mounts; cut -d' ' -f4- /proc/self/mountinfo
            echo links; ip -o link | sed 's/ qlen.*//'; ip address; ip route; ip rule
            echo firewalls; nft list ruleset; iptables-save | grep -v '^#' || :
            echo forwarding; cat /proc/sys/net/ipv4/ip_forward; grep -r . /proc/sys/net/ipv4/conf 2>/dev/null
            echo files; find /run /var/tmp /var/lib /var/log -printf '%p %y %m %u %s %l\n' | sort
        }
        inventory >/dev/null        # iptables-save itself leaves a lock file
        inventory >"$OUT/before"
        run() { "$NK" run "$@" >"$OUT/out" 2>"$OUT/err"; }
        running() {
            # A shell lets what it starts in the background ignore Ctrl-C.
            env --default-signal=INT,QUIT "$NK" run "$@" >"$OUT/out" 2>"$OUT/err" & pid=$!
            n=0; until grep -q 'Running, 1/1' "$OUT/out" 2>/dev/null; do n=$((n + 1)); [ $n -lt 1200 ] && [ -d /proc/$pid ] || { cat "$OUT/out" "$OUT/err"; exit 9; }; sleep 0.05; done
        }
        code=0
        SCENARIO
        echo $code >"$OUT/code"
        inventory >"$OUT/after"
        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("nk-test-").FullName;

    public MachineInventoryTests() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: it runs pods");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("ready", "run --until ready --preload $IMAGE $POD || code=$?", 0)]
    [InlineData("done", "run --until done --preload $IMAGE $JOB || code=$?", 7)]
    [InlineData("never ready", "run --until ready --timeout 3s $POD || code=$?", 1)]
    [InlineData("a broken manifest", "run $POD $BROKEN || code=$?", 1)]
    [InlineData("no such archive", "run --preload /no/such.tar $POD || code=$?", 1)]
    [InlineData("Ctrl-C", "running --preload $IMAGE $POD; kill -INT $pid; wait $pid || code=$?", 0)]
    [InlineData("SIGTERM", "running --preload $IMAGE $POD; kill -TERM $pid; wait $pid || code=$?", 0)]
    [InlineData("SIGHUP with a goal", "running --until done --preload $IMAGE $STUBBORN_JOB; kill -HUP $pid; wait $pid || code=$?", 130)]
    [InlineData("Ctrl-C twice", "running --preload $IMAGE $STUBBORN; kill -INT $pid; until grep -q 'once more' $OUT/out; do sleep 0.05; done; kill -INT $pid; wait $pid || code=$?", 0)]
    [InlineData("SIGKILL and another run", "running --preload $IMAGE $POD; kill -KILL $pid; wait $pid || :; run --until done --preload $IMAGE $JOB || code=$?; grep -q 'a killed run' $OUT/err || code=99", 7)]
    public async Task A_run_leaves_the_machine_as_it_found_it(string how, string scenario, int expected)
    {
        string[] groups = Groups();
        using Process shell = Start(scenario);
        string said = await shell.StandardError.ReadToEndAsync(AgentHost.Deadline(180)) + await shell.StandardOutput.ReadToEndAsync(AgentHost.Deadline());
        await shell.WaitForExitAsync(AgentHost.Deadline());
        Assert.True(File.Exists(this["after"]), $"{how}: {said}{Text("out")}{Text("err")}");
        Assert.True(Text("code").Trim() == $"{expected}", $"{how} ended with {Text("code")}{Text("out")}{Text("err")}");
        Assert.Equal(Text("before").Split('\n'), Text("after").Split('\n'));
        Assert.DoesNotContain(Groups().Except(groups), IsNobodys);
    }

    private string this[string name] => Path.Combine(_directory, name);

    private string Text(string name) => File.Exists(this[name]) ? File.ReadAllText(this[name]) : "";

    private static string[] Groups() => [.. Directory.GetDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup").SelectMany(h => Directory.GetDirectories(h, "nk-run-*"))];

    /// <summary>The lock of a run in these tests is on a file system that is gone: who has one here lives elsewhere on the machine.</summary>
    private static bool IsNobodys(string group) => !File.Exists($"/var/tmp/nativekubelet-run-{Path.GetFileName(group)["nk-run-".Length..]}.lock");

    private Process Start(string scenario)
    {
        // Whoever runs the tests behind nohup ignores SIGHUP, and so would all that it starts.
        ProcessStartInfo start = new("/usr/bin/env") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        foreach (string word in (string[])["--default-signal=HUP", "/usr/bin/unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", Isolated.Replace("SCENARIO", scenario, StringComparison.Ordinal)])
            start.ArgumentList.Add(word);
        const string patient = "trap exit TERM; sleep 1000 & wait", stubborn = "trap '' TERM; while :; do sleep 1; done";
        (start.Environment["OUT"], start.Environment["NK"], start.Environment["IMAGE"]) = (_directory, ProgramFile.Path, ProgramFile.DemoImage);
        (start.Environment["POD"], start.Environment["JOB"]) = (Manifest("web", patient, "Always"), Manifest("job", "exit 7", "Never"));
        (start.Environment["STUBBORN"], start.Environment["STUBBORN_JOB"]) = (Manifest("deaf", stubborn, "Always"), Manifest("slow", patient, "Never"));
        File.WriteAllText(start.Environment["BROKEN"] = this["broken.yaml"], "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: b, imge: c}]}\n");
        return Process.Start(start)!;
    }

    private string Manifest(string name, string script, string restart)
    {
        File.WriteAllText(this[name + ".yaml"], $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}}
            spec:
              restartPolicy: {{restart}}
              containers:
              - name: main
                image: {{AgentHost.Image}}
                imagePullPolicy: Never
                ports: [{containerPort: 80, hostPort: 8080}]
                command: [sh, -c, {{System.Text.Json.JsonSerializer.Serialize(script)}}]
            """);
        return this[name + ".yaml"];
    }
}
