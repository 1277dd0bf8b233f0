"""Footers of many files in one call of Java: a call from Python to Java takes longer than reading a footer, and each file needs seven.

The program is given to the driver's Java as its text. Spark compiles its own queries by the same compiler, so it is always there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_THREADS = 64
_NAME = "FootersOfFiles"
_END = "\0"
_PROGRAM = f"""
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.parquet.HadoopReadOptions;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.util.HadoopInputFile;

public class {_NAME} {{
    public static String read(String places, final Configuration conf) throws Exception {{
        final ParquetReadOptions options = HadoopReadOptions.builder(conf).build();
        ExecutorService pool = Executors.newFixedThreadPool({_THREADS});
        List found = new ArrayList();
        try {{
            String[] all = places.split("\\0");
            for (int number = 0; number < all.length; number++) {{
                final String place = all[number];
                found.add(pool.submit(new Callable() {{
                    public Object call() {{
                        return one(place, conf, options);
                    }}
                }}));
            }}
            Map schemas = new LinkedHashMap();
            StringBuilder answer = new StringBuilder();
            for (int number = 0; number < found.size(); number++) {{
                Object[] footer = (Object[]) ((Future) found.get(number)).get();
                if (footer == null) {{
                    answer.append("-\\0");
                    continue;
                }}
                if (!schemas.containsKey(footer[1])) schemas.put(footer[1], Integer.valueOf(schemas.size()));
                answer.append(footer[0].toString()).append(" ").append(schemas.get(footer[1]).toString()).append("\\0");
            }}
            Object[] texts = schemas.keySet().toArray();
            for (int number = 0; number < texts.length; number++) answer.append((String) texts[number]).append("\\0");
            return answer.toString();
        }} finally {{
            pool.shutdownNow();
        }}
    }}

    static Object[] one(String place, Configuration conf, ParquetReadOptions options) {{
        try {{
            ParquetFileReader reader = ParquetFileReader.open(HadoopInputFile.fromPath(new Path(place), conf), options);
            try {{
                String schema = reader.getFooter().getFileMetaData().getSchema().toString();
                return new Object[] {{Long.valueOf(reader.getRecordCount()), schema}};
            }} finally {{
                reader.close();
            }}
        }} catch (Exception error) {{
            return null;
        }}
    }}
}}
"""


def read_footers(jvm: Any, conf: Any, places: Sequence[str]) -> list[tuple[int, str] | None]:
    """The rows and the schema, as parquet-mr prints it, of each file; None where its footer can't be read, for whatever reason."""
    compiler = jvm.org.codehaus.janino.SimpleCompiler()
    compiler.setParentClassLoader(jvm.java.lang.Thread.currentThread().getContextClassLoader())
    compiler.cook(_PROGRAM)
    method = next(m for m in compiler.getClassLoader().loadClass(_NAME).getMethods() if m.getName() == "read")
    given = jvm.java.util.ArrayList()
    given.add(_END.join(places))
    given.add(conf)
    answers = method.invoke(None, given.toArray()).split(_END)
    footers, schemas = answers[: len(places)], answers[len(places) :]
    found = [footer.split(" ") for footer in footers]
    return [(int(one[0]), schemas[int(one[1])]) if len(one) > 1 else None for one in found]
